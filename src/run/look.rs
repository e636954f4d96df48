//! From a `[figure]` section to the look of figures.

use crate::observe::Quantity;
use crate::report::figure::{
    ColorMap, Colors, Column, Extra, Family, Height, LegendPlace, Look, Panel, Side, Style,
    TextMode,
};
use crate::scenario::Scenario;
use crate::scenario::schema::{
    ColorMapName, ColorsName, ColumnName, ExtraName, FigureSpec, FontName, LegendName, PanelSpec,
    ScaleName, TextName, Width, WidthName,
};

const INCH: f64 = 25.4;

/// What a scenario says of its figures.
pub fn look(scenario: &Scenario) -> Look {
    let spec = scenario.spec().figure.clone().unwrap_or_default();
    Look {
        style: style(&spec),
        panels: spec.panels.iter().map(panel).collect(),
        only: Vec::new(),
    }
}

/// A warning when labels have signs that figures cannot show.
pub(super) fn missing_signs(scenario: &Scenario) -> Option<String> {
    let missing = look(scenario).missing_signs();
    let signs: Vec<String> = missing.iter().map(|sign| format!("\"{sign}\"")).collect();
    (!signs.is_empty()).then(|| {
        format!(
            "labels in [figure] use {}, which the bundled face does not have: figures as PDF, PNG or with text as paths \
             show empty boxes",
            signs.join(", ")
        )
    })
}

/// The look that a section describes.
pub fn style(spec: &FigureSpec) -> Style {
    let standard = Style::default();
    Style {
        width: width(spec.width),
        height: match (spec.height, spec.aspect) {
            (Some(mm), _) => Height::Millimetres(mm),
            (None, Some(aspect)) => Height::Aspect(aspect),
            (None, None) => standard.height,
        },
        font: match spec.font {
            FontName::Sans => Family::Sans,
            FontName::Serif => Family::Serif,
        },
        font_size: spec.font_size,
        text: match spec.text {
            TextName::Text => TextMode::Text,
            TextName::Paths => TextMode::Paths,
        },
        legend: match spec.legend {
            LegendName::Above => LegendPlace::Above,
            LegendName::Inside => LegendPlace::Inside,
            LegendName::Right => LegendPlace::Right,
            LegendName::None => LegendPlace::None,
        },
        colors: match spec.colors {
            ColorsName::OkabeIto => Colors::OkabeIto,
            ColorsName::Viridis => Colors::Viridis,
            ColorsName::Grey => Colors::Grey,
        },
        color_map: match spec.color_map {
            ColorMapName::Viridis => ColorMap::Viridis,
            ColorMapName::Cividis => ColorMap::Cividis,
            ColorMapName::Grey => ColorMap::Grey,
        },
        columns: spec.columns,
        letters: spec.letters,
        end_labels: spec.end_labels,
        extras: spec.extras.iter().map(extra).collect(),
    }
}

fn width(width: Width) -> f64 {
    match width {
        Width::Millimetres(mm) => mm,
        Width::Named(WidthName::IcmlColumn) => 3.25 * INCH,
        Width::Named(WidthName::IcmlFull) => 6.75 * INCH,
        Width::Named(WidthName::Neurips) => 5.5 * INCH,
        Width::Named(WidthName::ApsColumn) => 3.375 * INCH,
        Width::Named(WidthName::ApsFull) => 7.0 * INCH,
    }
}

fn extra(name: &ExtraName) -> Extra {
    match name {
        ExtraName::Pdf => Extra::Pdf,
        ExtraName::Png => Extra::Png,
        ExtraName::Matplotlib => Extra::Matplotlib,
        ExtraName::Pgfplots => Extra::Pgfplots,
    }
}

fn panel(spec: &PanelSpec) -> Panel {
    let side = |scale: ScaleName, range: Option<[f64; 2]>, label: &Option<String>| Side {
        log: scale == ScaleName::Log,
        range: range.map(|[lo, hi]| (lo, hi)),
        label: label.clone(),
    };
    Panel {
        x: side(spec.x_scale, spec.x_range, &spec.x_label),
        y: side(spec.y_scale, spec.y_range, &spec.y_label),
        columns: (column(spec.x), spec.y.iter().map(|c| column(*c)).collect()),
        modes: spec.modes.clone().unwrap_or_default(),
        predictions: spec.predictions,
        events: spec.events,
    }
}

fn column(name: ColumnName) -> Column {
    if let Some(observable) = name.observable() {
        return Column::Seen(observable.into());
    }
    let quantity = match name {
        ColumnName::Cost => Quantity::Cost,
        ColumnName::TestCost => Quantity::TestCost,
        ColumnName::Loss => Quantity::Loss,
        ColumnName::GradientNorm => Quantity::GradientNorm,
        ColumnName::ParameterNormSq => Quantity::ParameterNormSq,
        ColumnName::Schatten => Quantity::Schatten,
        ColumnName::Rank => Quantity::Rank,
        ColumnName::SingularValues => Quantity::SingularValue,
        _ => return Column::Time,
    };
    Column::Of(quantity)
}
