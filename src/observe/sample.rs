//! A measured state inside a step, with its weights.

use super::measure::{Measurement, Probe};
use super::view::StepView;

/// Room that is used again for one state after another.
pub(super) struct Sample {
    /// Local time of the step.
    pub time: f64,
    /// With singular values and gradient.
    pub measurement: Measurement,
    pub weights: Vec<f64>,
}

impl Sample {
    pub fn blank(probe: &Probe<'_>) -> Self {
        Self {
            time: 0.0,
            measurement: probe.blank(),
            weights: vec![0.0; probe.network().parameters()],
        }
    }

    /// Reads the step at its local time `t`.
    pub fn measure(&mut self, view: &mut StepView<'_, '_>, t: f64) {
        Self::measure_all(view, &[t], std::slice::from_mut(self));
    }

    /// The same for several times, which costs less than one by one.
    pub fn measure_all(view: &mut StepView<'_, '_>, times: &[f64], samples: &mut [Self]) {
        let states = samples.iter_mut().map(|sample| &mut sample.weights[..]);
        let mut states: Vec<&mut [f64]> = states.collect();
        view.step.states_at(times, &mut states);
        for (sample, &t) in samples.iter_mut().zip(times) {
            sample.time = t;
            let m = &mut sample.measurement;
            view.probe
                .measure_read(view.step, t, &sample.weights, true, m);
            view.probe.resolve(m);
        }
    }
}
