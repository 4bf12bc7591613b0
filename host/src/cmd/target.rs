//! What to compile for, and the model: flags and files in, checked values out.

use anyhow::{bail, Context};
use clap::Args;
use isa::config::Config;
use std::path::{Path, PathBuf};
use systole::graph::Graph;
use systole::plan::{self, Plan};
use systole::runtime::{container_of, ContainerFile};

/// Configuration where none is asked for.
const DEFAULT_CONFIG: &str = "edge8x8";
/// The named configurations, as the hardware is built from them: the one place where they stand.
const CONFIGS: &str = include_str!("../../../hdl/configs.yaml");

/// Flags that choose the hardware; the same in every command.
#[derive(Args)]
pub struct TargetArgs {
    /// Configuration of the card [default: that of the container or the plan, else edge8x8]
    #[arg(long, value_name = "NAME")]
    pub config: Option<String>,
    /// Container with the card's bitstream [default: the one that scripts/card wrote for the configuration]
    #[arg(long, value_name = "FILE")]
    pub container: Option<PathBuf>,
}

/// Hardware to compile for: the container's configuration where there is a container, else a named one.
pub struct Target {
    /// The configuration.
    pub config: Config,
    /// The container, if there is one.
    pub container: Option<ContainerFile>,
}

impl TargetArgs {
    /// Finds the container and the configuration. `of_plan` is the configuration that a plan was compiled for.
    pub fn resolve(&self, of_plan: Option<&Config>) -> anyhow::Result<Target> {
        let asked = self.config.as_deref();
        if let (Some(asked), Some(plan)) = (asked, of_plan) {
            if asked != plan.name {
                bail!(
                    "the plan was compiled for `{}`, not `{asked}`: compile the model again, or leave --config out",
                    plan.name
                );
            }
        }
        if let Some(path) = &self.container {
            let container = ContainerFile::open(path)?;
            if let Some(name) = asked.or(of_plan.map(|c| c.name.as_str())) {
                container.is_for(name)?;
            }
            return Ok(Target { config: container.config().clone(), container: Some(container) });
        }
        let name = asked.or(of_plan.map(|c| c.name.as_str())).unwrap_or(DEFAULT_CONFIG);
        if let Some(path) = container_of(name) {
            let container = ContainerFile::open(&path)?;
            container.is_for(name)?;
            return Ok(Target { config: container.config().clone(), container: Some(container) });
        }
        let config = match of_plan {
            Some(config) => config.clone(),
            None => named(name)?,
        };
        Ok(Target { config, container: None })
    }
}

/// The configuration of this name.
fn named(name: &str) -> anyhow::Result<Config> {
    let all: Vec<Config> = serde_yaml::from_str(CONFIGS).context("hdl/configs.yaml, as it was when this was built")?;
    let names = all.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
    match all.into_iter().find(|c| c.name == name) {
        Some(config) => Ok(config),
        None => bail!("no configuration `{name}`: hdl/configs.yaml has {names}: choose one with --config"),
    }
}

/// A model file, read.
pub enum Source {
    /// A network, to be compiled.
    Network(Box<Graph>),
    /// A plan that `systole compile` wrote.
    Plan(Box<Plan>),
}

impl Source {
    /// Reads a model or a plan, told apart by how the file begins.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        if begins_with(path, &plan::MAGIC)? {
            return Ok(Self::Plan(Box::new(Plan::read(path)?)));
        }
        Ok(Self::Network(Box::new(systole::import::read(path)?)))
    }
}

/// Whether the file's first bytes are these.
fn begins_with(path: &Path, magic: &[u8]) -> anyhow::Result<bool> {
    use std::io::Read;
    let describe = || format!("model {}", path.display());
    let file = std::fs::File::open(path).with_context(describe)?;
    let mut first = Vec::new();
    file.take(magic.len() as u64).read_to_end(&mut first).with_context(describe)?;
    Ok(first == magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_configuration_can_be_built() {
        for name in ["small4x4", "edge8x8", "edge12x12", "mid16x16"] {
            named(name).unwrap().check().unwrap();
        }
    }

    #[test]
    fn an_unknown_configuration_names_those_that_there_are() {
        let error = named("huge").unwrap_err().to_string();
        assert!(error.contains("no configuration `huge`") && error.contains("edge8x8"), "{error}");
    }
}
