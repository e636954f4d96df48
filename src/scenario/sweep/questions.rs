//! What a sweep asks of its table, held against the columns that there will be.

use super::super::document::Document;
use super::super::error::{InputError, InputErrors, nearest};
use super::super::schema::{FigureSpec, ObservableName};
use super::look::wrong_look;
use super::modes::mode_of;
use super::schema::{
    Align, BandsSpec, Columns, CurvesSpec, FamilySpec, FitSpec, MapSpec, SweepSpec, TimeUnit,
};
use crate::observe::Observable;
use serde::{Deserialize, Serialize};

/// Columns of numbers that every table has.
pub const COLUMNS: [&str; 26] = [
    "run",
    "mode",
    "escape_time",
    "relative_wait",
    "plateau_cost",
    "final_sigma",
    "critical_l2",
    "global_l2",
    "final_cost",
    "final_test_cost",
    "best_test_cost",
    "best_test_time",
    "final_loss",
    "schatten_gap",
    "rank",
    "effective_rank",
    "depth",
    "width",
    "time",
    "checks",
    "checks_failed",
    "steps",
    "rejected",
    "rhs_evaluations",
    "jvp_evaluations",
    "seed",
];

/// Columns of texts that every table has.
const TEXTS: [&str; 3] = ["outcome", "method", "hash"];

/// Columns of a trajectory that bands can show; `sigma_k` and recorded observables too.
const TRAJECTORY: [&str; 9] = [
    "cost",
    "test_cost",
    "loss",
    "gradient_norm",
    "parameter_norm_sq",
    "schatten",
    "imbalance_drift",
    "rank",
    "sigma_1",
];

/// All that is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Questions {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fit: Vec<FitSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<BandsSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub family: Vec<FamilySpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<CurvesSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<MapSpec>,
    /// How the figures look.
    #[serde(default)]
    pub figure: FigureSpec,
}

impl SweepSpec {
    /// What the file asks of the table.
    pub fn questions(&self) -> Questions {
        Questions {
            fit: self.fit.clone(),
            bands: self.bands.clone(),
            family: self.family.clone(),
            curves: self.curves.clone(),
            map: self.map.clone(),
            figure: self.figure.clone(),
        }
    }
}

/// Whether there will be what is asked about. Of the swept `keys` some have `numbers` as values;
/// `observables` are recorded by the base.
pub(super) fn check(
    document: &Document,
    spec: &SweepSpec,
    (keys, numbers): (&[&str], &[&str]),
    observables: &[ObservableName],
) -> Result<(), InputErrors> {
    let own = COLUMNS.into_iter().filter(|name| !keys.contains(name));
    let columns = keys.iter().copied().chain(own.clone());
    let columns: Vec<&str> = columns.chain(TEXTS).collect();
    let measures: Vec<&str> = numbers.iter().copied().chain(own).collect();
    let observed = observables
        .iter()
        .map(|&name| Observable::from(name).name());
    let recorded: Vec<&str> = TRAJECTORY.into_iter().chain(observed).collect();
    let mut errors = Vec::new();
    let known = Known {
        columns: &columns,
        measures: &measures,
        keys,
        recorded: &recorded,
    };
    let no_number = |name| keys.contains(&name) && !numbers.contains(&name);
    for (key, name, names) in named(spec, &known) {
        let mut error = misnamed(document, &key, name, names);
        if let Some(error) = error.as_mut().filter(|_| no_number(name)) {
            error.found = format!("found \"{name}\", whose values are not numbers");
        }
        errors.extend(error);
    }
    for (i, family) in spec.family.iter().enumerate() {
        let asked = Asked {
            document,
            key: format!("family[{i}]"),
            recorded: &recorded,
            swept: keys,
        };
        errors.extend(asked.check(family));
    }
    for (i, map) in spec.map.iter().enumerate() {
        if map.x == map.y {
            let allowed = format!("must be another column than x, \"{}\"", map.x);
            errors.push(document.error(&format!("map[{i}].y"), None, allowed));
        }
    }
    errors.extend(unordered(document, spec));
    errors.extend(without_trajectories(document, spec));
    errors.extend(wrong_look(document, &spec.figure));
    match errors.is_empty() {
        true => Ok(()),
        false => Err(document.errors(errors)),
    }
}

/// Quantiles that would be bars upside down, or one column twice.
fn unordered(document: &Document, spec: &SweepSpec) -> Vec<InputError> {
    let curves = spec.curves.iter().enumerate();
    let curves = curves.filter(|(_, c)| c.quantiles[0] >= c.quantiles[1]);
    let curves = curves.map(|(i, _)| (format!("curves[{i}].quantiles"), "must increase"));
    let twice = |q: &[f64]| (1..q.len()).any(|i| q[..i].contains(&q[i]));
    let bands = spec.bands.iter().enumerate();
    let bands = bands.filter(|(_, b)| twice(&b.quantiles));
    let bands = bands.map(|(i, _)| (format!("bands[{i}].quantiles"), "must differ"));
    let wrong = curves.chain(bands);
    let error = |(key, allowed): (String, &str)| document.error(&key, None, allowed.to_owned());
    wrong.map(error).collect()
}

/// A key, the name that it gives and the names that it may give.
type Named<'a> = (String, &'a str, &'a [&'a str]);

/// Names that there are.
struct Known<'a> {
    /// Columns of the table that can be grouped by.
    columns: &'a [&'a str],
    /// Those of them that are numbers, which have a place on an axis.
    measures: &'a [&'a str],
    /// Swept keys.
    keys: &'a [&'a str],
    /// Columns of trajectories.
    recorded: &'a [&'a str],
}

/// All names in tables whose keys are always looked at.
fn named<'a>(spec: &'a SweepSpec, known: &Known<'a>) -> Vec<Named<'a>> {
    let Known {
        columns,
        measures,
        keys,
        recorded,
    } = *known;
    let mut found: Vec<Named<'a>> = Vec::new();
    for (i, fit) in spec.fit.iter().enumerate() {
        found.push((format!("fit[{i}].x"), &fit.x, measures));
        found.push((format!("fit[{i}].quantity"), &fit.quantity, measures));
        found.extend(listed(format!("fit[{i}].by"), &fit.by, columns));
        let only = fit.only.columns();
        found.extend(only.map(|name| (format!("fit[{i}].only"), name, columns)));
    }
    for (i, curves) in spec.curves.iter().enumerate() {
        let at = |key: &str| format!("curves[{i}].{key}");
        found.push((at("x"), &curves.x, measures));
        found.push((at("quantity"), &curves.quantity, measures));
        let only = curves.only.columns();
        found.extend(only.map(|name| (at("only"), name, columns)));
        found.extend(listed(at("by"), &curves.by, columns));
        found.extend(listed(at("best_over"), &curves.best_over, keys));
        found.extend(listed(at("verticals"), &curves.verticals, measures));
    }
    for (i, map) in spec.map.iter().enumerate() {
        found.push((format!("map[{i}].x"), &map.x, measures));
        found.push((format!("map[{i}].y"), &map.y, measures));
        found.push((format!("map[{i}].quantity"), &map.quantity, measures));
        let only = map.only.columns();
        found.extend(only.map(|name| (format!("map[{i}].only"), name, columns)));
    }
    for (i, bands) in spec.bands.iter().enumerate() {
        if mode_of(&bands.quantity).is_none() {
            found.push((format!("bands[{i}].quantity"), &bands.quantity, recorded));
        }
        found.extend(listed(format!("bands[{i}].by"), &bands.by, keys));
    }
    found
}

/// The names in a list.
fn listed<'a>(
    key: String,
    list: &'a [String],
    names: &'a [&'a str],
) -> impl Iterator<Item = Named<'a>> {
    let each = list.iter().enumerate();
    each.map(move |(k, name)| (format!("{key}[{k}]"), name.as_str(), names))
}

/// The error of figures that need trajectories which are not kept.
fn without_trajectories(document: &Document, spec: &SweepSpec) -> Option<InputError> {
    let what = match (spec.bands.is_empty(), spec.family.is_empty()) {
        (false, _) => "bands",
        (true, false) => "families",
        (true, true) => return None,
    };
    let allowed = format!("must be true: {what} are made from trajectories");
    let found = Some("found false".to_string());
    (!spec.keep.trajectory).then(|| document.error("keep.trajectory", found, allowed))
}

/// What a family may ask for.
struct Asked<'a> {
    document: &'a Document,
    key: String,
    recorded: &'a [&'a str],
    swept: &'a [&'a str],
}

impl Asked<'_> {
    fn check(&self, family: &FamilySpec) -> Vec<InputError> {
        let columns = self.columns(&family.y).into_iter();
        let by = family.by.iter().enumerate().filter_map(|(k, name)| {
            let key = format!("{}.by[{k}]", self.key);
            misnamed(self.document, &key, name, self.swept)
        });
        columns.chain(by).chain(self.horizontal(family)).collect()
    }

    fn columns(&self, columns: &Columns) -> Vec<InputError> {
        let one = |key: &str, name| self.column(key, name, self.recorded);
        match columns {
            Columns::One(name) => one("y", name).into_iter().collect(),
            Columns::Several(names) => {
                let each = names.iter().enumerate();
                each.filter_map(|(k, name)| one(&format!("y[{k}]"), name))
                    .collect()
            }
        }
    }

    /// A column, or time with its clock.
    fn horizontal(&self, family: &FamilySpec) -> Vec<InputError> {
        if family.x == "time" {
            return Vec::new();
        }
        let names = [&["time"], self.recorded].concat();
        let clock = [
            ("time_unit", family.time_unit != TimeUnit::default()),
            ("align", family.align != Align::default()),
        ];
        let set = clock.into_iter().filter(|&(_, set)| set);
        let clock = set.map(|(name, _)| self.without_time(name));
        let column = self.column("x", &family.x, &names);
        column.into_iter().chain(clock).collect()
    }

    fn column(&self, key: &str, name: &str, names: &[&str]) -> Option<InputError> {
        match mode_of(name) {
            Some(_) => None,
            None => misnamed(self.document, &format!("{}.{key}", self.key), name, names),
        }
    }

    fn without_time(&self, name: &str) -> InputError {
        let allowed = "allowed only with x = \"time\"".to_string();
        let key = format!("{}.{name}", self.key);
        self.document.error(&key, None, allowed)
    }
}

/// An error unless `name` is one of `names`.
fn misnamed(document: &Document, key: &str, name: &str, names: &[&str]) -> Option<InputError> {
    if names.contains(&name) {
        return None;
    }
    // Columns of trajectories have these on request.
    let of_trajectories = names.contains(&TRAJECTORY[0]);
    if of_trajectories && Observable::ALL.iter().any(|o| o.name() == name) {
        let allowed = "must be recorded: name it in record.observables of the base";
        return Some(document.error(key, None, allowed.to_owned()));
    }
    let quoted: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
    let allowed = format!("must be one of {}", quoted.join(", "));
    // Of a table its names are asked about, not its values.
    let found = key.ends_with(".only").then(|| format!("found \"{name}\""));
    let mut error = document.error(key, found, allowed);
    error.hint = nearest(name, names).map(|n| format!("\"{n}\""));
    Some(error)
}
