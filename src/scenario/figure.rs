//! What `[figure]` says, held against what the run will have.

use super::context::Context;
use super::error::InputErrors;
use super::load::Scenario;
use super::schema::{ColumnName, FigureSpec, LegendName, PanelSpec, ScaleName};

impl Scenario {
    /// Whether the figures can be drawn, checked without building the problem.
    ///
    /// # Errors
    /// All mistakes in `[figure]`, each with its place in the file.
    pub fn check_figure(&self) -> Result<(), InputErrors> {
        let mut context = Context::new(self);
        check(&mut context);
        match context.errors.is_empty() {
            true => Ok(()),
            false => Err(self.document.errors(context.errors)),
        }
    }
}

/// Notes every mistake in the section.
pub(super) fn check(context: &mut Context<'_>) {
    let Some(spec) = &context.spec.figure else {
        return;
    };
    for (key, allowed) in contradictions(spec) {
        context.wrong(key, allowed);
    }
    check_panels(context, spec);
}

/// Keys that cannot stand beside others of the section, and what is allowed instead.
pub(super) fn contradictions(spec: &FigureSpec) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if spec.height.is_some() && spec.aspect.is_some() {
        found.push(("figure.aspect", "allowed only without figure.height"));
    }
    if spec.end_labels && spec.legend == LegendName::Right {
        let allowed = "must be another place with end_labels = true: names stand there";
        found.push(("figure.legend", allowed));
    }
    found
}

fn check_panels(context: &mut Context<'_>, spec: &FigureSpec) {
    for (i, panel) in spec.panels.iter().enumerate() {
        let key = format!("figure.panels[{i}]");
        check_columns(context, panel, &key);
        let sides = [
            ("x_range", panel.x_range, panel.x_scale),
            ("y_range", panel.y_range, panel.y_scale),
        ];
        for (name, range, scale) in sides {
            check_range(context, &format!("{key}.{name}"), range, scale);
        }
    }
}

fn check_columns(context: &mut Context<'_>, panel: &PanelSpec, key: &str) {
    if panel.x == ColumnName::SingularValues {
        let allowed = "must be one column; singular_values are several";
        context.wrong(&format!("{key}.x"), allowed);
    }
    let has_sigmas = panel.y.contains(&ColumnName::SingularValues);
    if panel.modes.is_some() && !has_sigmas {
        let allowed = "allowed only with \"singular_values\" in y";
        context.wrong(&format!("{key}.modes"), allowed);
    }
    let widths = &context.spec.network.widths;
    let modes = widths.first().min(widths.last()).copied().unwrap_or(0);
    let given = panel.modes.iter().flatten().enumerate();
    for (k, _) in given.filter(|(_, mode)| **mode > modes) {
        let allowed = format!("must be at most {modes}, the number of singular values");
        context.wrong(&format!("{key}.modes[{k}]"), allowed);
    }
    let recorded = &context.spec.record.observables;
    let missing = |c: &ColumnName| c.observable().is_some_and(|o| !recorded.contains(&o));
    if missing(&panel.x) {
        context.wrong(
            &format!("{key}.x"),
            "must be recorded: name it in record.observables",
        );
    }
    if panel.y.iter().any(missing) {
        context.wrong(
            &format!("{key}.y"),
            "must be recorded: name it in record.observables",
        );
    }
    if panel.y.contains(&ColumnName::TestCost) && !context.spec.cost.has_test_set() {
        let allowed = "can never be drawn: this cost has no test set";
        context.wrong(&format!("{key}.y"), allowed);
    }
}

fn check_range(context: &mut Context<'_>, key: &str, range: Option<[f64; 2]>, scale: ScaleName) {
    let Some([lo, hi]) = range else { return };
    if lo >= hi {
        context.wrong(key, "must be two numbers, the smaller one first");
    } else if !(hi - lo).is_finite() {
        context.wrong(key, "must be less than 1.7e308 apart");
    } else if scale == ScaleName::Log && lo <= 0.0 {
        context.wrong(key, "must be positive on a logarithmic axis");
    }
}
