//! `[figure]`: how figures look and what a figure of one's own shows.

use super::ObservableName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The look of all figures, and the panels of one more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureSpec {
    /// Of the whole figure: mm, or the column of a journal.
    #[serde(default)]
    pub width: Width,
    /// Of the whole figure, mm; by `aspect` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10.0, max = 500.0))]
    pub height: Option<f64>,
    /// Height of each panel's axes relative to the width of the panel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 5.0))]
    pub aspect: Option<f64>,
    #[serde(default)]
    pub font: FontName,
    /// Height of axis labels, points.
    #[serde(default = "font_size")]
    #[schemars(range(min = 4.0, max = 40.0))]
    pub font_size: f64,
    #[serde(default)]
    pub text: TextName,
    #[serde(default)]
    pub legend: LegendName,
    /// Of lines.
    #[serde(default)]
    pub colors: ColorsName,
    /// Of heat maps.
    #[serde(default)]
    pub color_map: ColorMapName,
    /// Panels in a row.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 6))]
    pub columns: usize,
    /// (a), (b), … at panels when there are several.
    #[serde(default = "yes")]
    pub letters: bool,
    /// Names at the ends of curves instead of a legend.
    #[serde(default)]
    pub end_labels: bool,
    /// Files made of each figure besides the SVG and its numbers.
    #[serde(default)]
    pub extras: Vec<ExtraName>,
    /// A further figure, `panels.svg`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 26))]
    pub panels: Vec<PanelSpec>,
}

impl Default for FigureSpec {
    fn default() -> Self {
        Self {
            width: Width::default(),
            height: None,
            aspect: None,
            font: FontName::default(),
            font_size: font_size(),
            text: TextName::default(),
            legend: LegendName::default(),
            colors: ColorsName::default(),
            color_map: ColorMapName::default(),
            columns: two(),
            letters: yes(),
            end_labels: false,
            extras: Vec::new(),
            panels: Vec::new(),
        }
    }
}

/// A width in mm or by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Width {
    Millimetres(#[schemars(range(min = 30.0, max = 500.0), extend("x-unit" = "mm"))] f64),
    Named(WidthName),
}

impl Default for Width {
    fn default() -> Self {
        Width::Millimetres(82.5)
    }
}

/// Widths that journals and conferences print at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WidthName {
    /// 3.25 in.
    IcmlColumn,
    /// 6.75 in.
    IcmlFull,
    /// 5.5 in.
    Neurips,
    /// 3.375 in.
    ApsColumn,
    /// 7 in.
    ApsFull,
}

/// A typeface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FontName {
    #[default]
    Sans,
    Serif,
}

/// How text stands in the SVG.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextName {
    /// As text, which can be searched and edited.
    #[default]
    Text,
    /// As outlines, which look the same everywhere.
    Paths,
}

/// Where the legend stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegendName {
    #[default]
    Above,
    Inside,
    Right,
    None,
}

/// Colours of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColorsName {
    /// Distinct for colour-blind readers.
    #[default]
    OkabeIto,
    /// Dark to bright.
    Viridis,
    Grey,
}

/// Colours of heat maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColorMapName {
    #[default]
    Viridis,
    Cividis,
    Grey,
}

/// A file made of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtraName {
    Pdf,
    Png,
    Matplotlib,
    Pgfplots,
}

/// Axes with curves in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelSpec {
    #[serde(default)]
    pub x: ColumnName,
    #[schemars(length(min = 1))]
    pub y: Vec<ColumnName>,
    /// Of `singular_values`; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub modes: Option<Vec<usize>>,
    #[serde(default)]
    pub x_scale: ScaleName,
    #[serde(default)]
    pub y_scale: ScaleName,
    /// Ends of the axis; by the data when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_range: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_range: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_label: Option<String>,
    /// Predicted curves and times, dotted.
    #[serde(default = "yes")]
    pub predictions: bool,
    /// Marks at events.
    #[serde(default = "yes")]
    pub events: bool,
}

/// A column of the trajectory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnName {
    #[default]
    Time,
    Cost,
    TestCost,
    Loss,
    GradientNorm,
    ParameterNormSq,
    Schatten,
    Rank,
    /// All `σ_k`.
    SingularValues,
    // On request, see `record.observables`.
    KernelNorm,
    KernelAlignment,
    EffectiveRank,
    NuclearNorm,
    ArcLength,
    ModeSpeedResidual,
}

impl ColumnName {
    /// What has to be recorded for it.
    pub fn observable(self) -> Option<ObservableName> {
        Some(match self {
            ColumnName::KernelNorm => ObservableName::KernelNorm,
            ColumnName::KernelAlignment => ObservableName::KernelAlignment,
            ColumnName::EffectiveRank => ObservableName::EffectiveRank,
            ColumnName::NuclearNorm => ObservableName::NuclearNorm,
            ColumnName::ArcLength => ObservableName::ArcLength,
            ColumnName::ModeSpeedResidual => ObservableName::ModeSpeedResidual,
            _ => return None,
        })
    }
}

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleName {
    #[default]
    Linear,
    Log,
}

fn font_size() -> f64 {
    8.5
}

fn two() -> usize {
    2
}

fn yes() -> bool {
    true
}
