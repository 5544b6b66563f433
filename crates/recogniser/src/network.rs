//! One of the two networks, on one thread.

use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool, Value};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::error::RecogniserError;
use crate::resize::Planes;

/// A loaded model of one input and one output.
pub(crate) struct Network {
    role: &'static str,
    model: Model,
    pool: Arc<ThreadPool>,
}

impl Network {
    pub(crate) fn load(
        role: &'static str,
        bytes: Vec<u8>,
        pool: &Arc<ThreadPool>,
    ) -> Result<Self, RecogniserError> {
        let model = Model::load(bytes).map_err(|source| RecogniserError::Unloadable { role, source })?;
        Ok(Self { role, model, pool: Arc::clone(pool) })
    }

    /// What the model's file says under a name.
    pub(crate) fn note(&self, name: &str) -> Option<&str> {
        self.model.metadata().get(name)
    }

    /// What the network makes of a picture: the sides of what it gives, and its values.
    pub(crate) fn run(&self, picture: Planes) -> Result<(Vec<usize>, Vec<f32>), RecogniserError> {
        let input = NdTensor::from_data([1, 3, picture.height, picture.width], picture.values);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let output: Value = self
            .model
            .run_one(input.into(), Some(options))
            .map_err(|source| RecogniserError::Failed { role: self.role, source })?;
        let tensor: Tensor<f32> = output.try_into().map_err(|_| self.foreign("it gives no numbers"))?;
        Ok((tensor.shape().to_vec(), tensor.into_data()))
    }

    /// The model is of another kind.
    pub(crate) fn foreign(&self, what: impl Into<String>) -> RecogniserError {
        RecogniserError::Foreign { role: self.role, what: what.into() }
    }
}
