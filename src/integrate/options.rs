//! How a run is integrated.

/// An integration method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Chosen by the program.
    Auto,
    /// Dormand–Prince 8(5,3) with 7th-order dense output.
    Dop853,
    /// Exponential Adams of variable step and order with the stiff part of the Jacobian split off.
    ExponentialAdams,
    /// The closed form of a field that has one.
    Exact,
    /// diffsol's Tsitouras 5(4).
    Tsit45,
    /// diffsol's variable-order BDF.
    Bdf,
    /// diffsol's ESDIRK 3(4).
    Esdirk34,
    /// diffsol's TR-BDF2.
    TrBdf2,
    /// Explicit Euler with a fixed step, as people train.
    GradientDescent { learning_rate: f64 },
}

impl Method {
    /// The name in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
            Method::Dop853 => "dop853",
            Method::ExponentialAdams => "exponential_adams",
            Method::Exact => "exact",
            Method::Tsit45 => "tsit45",
            Method::Bdf => "bdf",
            Method::Esdirk34 => "esdirk34",
            Method::TrBdf2 => "tr_bdf2",
            Method::GradientDescent { .. } => "gradient_descent",
        }
    }

    /// Whether there are states between those it comes to; gradient descent jumps.
    pub fn flows(self) -> bool {
        !matches!(self, Method::GradientDescent { .. })
    }

    /// Whether it chooses its steps by their errors.
    pub fn controls_error(self) -> bool {
        self.flows() && self != Method::Exact
    }
}

/// Method, error control and horizon.
#[derive(Debug, Clone)]
pub struct Options {
    pub method: Method,
    /// Relative tolerance, against `VectorField::magnitude`.
    pub rtol: f64,
    /// Absolute tolerance of each component.
    /// One for each; `rtol` and they may be zero, but not both.
    pub atol: Vec<f64>,
    /// The run ends at this time.
    pub horizon: f64,
    /// The run fails after this many steps.
    pub max_steps: usize,
}
