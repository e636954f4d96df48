//! The three families of diffsol solvers, made alike.

use super::krylov::Krylov;
use super::{Equations, Problem, Vector};
use crate::integrate::VectorField;
use diffsol::{
    BdfState, DiffsolError, ExplicitRk, OdeSolverMethod, OdeSolverState, RkState, Sdirk, Tableau,
};

/// How to make a solver that goes on from a state.
pub(super) trait Scheme<'f> {
    type State: OdeSolverState<Vector>;
    type Solver<'p>: OdeSolverMethod<'p, Equations<'f>, State = Self::State>
    where
        'f: 'p;

    /// Whether the solver's `dy` at the end of a step is `f` itself, not what it solved for.
    const EXACT_SLOPE: bool;

    /// Order of the first step.
    fn starting_order(&self) -> usize;

    /// The part of the tolerance that a step may use: on the way to an escape the errors of all
    /// steps point the same way and grow with the mode.
    fn fraction(&self) -> f64;

    fn solver<'p>(
        &self,
        problem: &'p Problem<'f>,
        state: Self::State,
        field: &'f dyn VectorField,
    ) -> Result<Self::Solver<'p>, DiffsolError>
    where
        'f: 'p;
}

/// Explicit Runge–Kutta.
pub(super) struct Explicit {
    tableau: Tableau<f64>,
}

impl Explicit {
    pub fn tsit45() -> Self {
        Self {
            tableau: Tableau::tsit45(),
        }
    }
}

impl<'f> Scheme<'f> for Explicit {
    type State = RkState<Vector>;
    type Solver<'p>
        = ExplicitRk<'p, Equations<'f>>
    where
        'f: 'p;

    const EXACT_SLOPE: bool = true;

    fn starting_order(&self) -> usize {
        self.tableau.order()
    }

    fn fraction(&self) -> f64 {
        1.0
    }

    fn solver<'p>(
        &self,
        problem: &'p Problem<'f>,
        state: Self::State,
        _field: &'f dyn VectorField,
    ) -> Result<Self::Solver<'p>, DiffsolError>
    where
        'f: 'p,
    {
        ExplicitRk::new(problem, state, self.tableau)
    }
}

/// Singly diagonally implicit Runge–Kutta with an explicit first stage.
pub(super) struct Esdirk {
    tableau: Tableau<f64>,
}

impl Esdirk {
    pub fn esdirk34() -> Self {
        Self {
            tableau: Tableau::esdirk34(),
        }
    }

    pub fn tr_bdf2() -> Self {
        Self {
            tableau: Tableau::tr_bdf2(),
        }
    }
}

impl<'f> Scheme<'f> for Esdirk {
    type State = RkState<Vector>;
    type Solver<'p>
        = Sdirk<'p, Equations<'f>, Krylov<'f>>
    where
        'f: 'p;

    const EXACT_SLOPE: bool = false;

    fn starting_order(&self) -> usize {
        self.tableau.order()
    }

    fn fraction(&self) -> f64 {
        0.1
    }

    fn solver<'p>(
        &self,
        problem: &'p Problem<'f>,
        state: Self::State,
        field: &'f dyn VectorField,
    ) -> Result<Self::Solver<'p>, DiffsolError>
    where
        'f: 'p,
    {
        let solver = Krylov::new(field, problem.atol.batch_as_slice(0));
        Sdirk::new(problem, state, self.tableau, solver)
    }
}

/// Backward differentiation of order 1 to 5.
pub(super) struct Bdf;

impl<'f> Scheme<'f> for Bdf {
    type State = BdfState<Vector>;
    type Solver<'p>
        = diffsol::Bdf<'p, Equations<'f>, Krylov<'f>>
    where
        'f: 'p;

    const EXACT_SLOPE: bool = false;

    fn starting_order(&self) -> usize {
        1
    }

    fn fraction(&self) -> f64 {
        0.05
    }

    fn solver<'p>(
        &self,
        problem: &'p Problem<'f>,
        state: Self::State,
        field: &'f dyn VectorField,
    ) -> Result<Self::Solver<'p>, DiffsolError>
    where
        'f: 'p,
    {
        let solver = Krylov::new(field, problem.atol.batch_as_slice(0));
        diffsol::Bdf::new(problem, state, solver)
    }
}
