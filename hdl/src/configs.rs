//! The named configurations of `hdl/configs.yaml`, checked.

use systole_isa::config::Config;

/// The file, as it was when this was built.
const FILE: &str = include_str!("../configs.yaml");

/// Every configuration in the order of the file. The error names the configuration, key and value at fault.
pub fn configs() -> Result<Vec<Config>, String> {
    parse(FILE)
}

/// The configuration called `name`; the error lists the names there are.
pub fn config(name: &str) -> Result<Config, String> {
    let all = configs()?;
    let names: Vec<String> = all.iter().map(|c| c.name.clone()).collect();
    all.into_iter()
        .find(|c| c.name == name)
        .ok_or_else(|| format!("no configuration `{name}` in hdl/configs.yaml; there are {}", names.join(", ")))
}

/// The configuration called `name` with these switches of its `low_power` off. Errors as those of [`config`], and for an unknown switch.
pub fn config_without(name: &str, switches: &[String]) -> Result<Config, String> {
    let mut config = config(name)?;
    switches.iter().try_for_each(|switch| config.low_power.turn_off(switch))?;
    Ok(config)
}

/// The configurations in a text of the form of `configs.yaml`. Every key is required, no other is allowed.
pub fn parse(text: &str) -> Result<Vec<Config>, String> {
    let all: Vec<Config> = serde_yaml::from_str(text).map_err(|e| format!("hdl/configs.yaml: {e}"))?;
    for (i, config) in all.iter().enumerate() {
        config.check()?;
        if all[..i].iter().any(|c| c.name == config.name) {
            return Err(format!("hdl/configs.yaml: configuration `{}` stands there twice", config.name));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_four_configurations() {
        let names: Vec<String> = configs().unwrap().into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["small4x4", "edge8x8", "edge12x12", "mid16x16"]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let e = config("big").unwrap_err();
        assert_eq!(e, "no configuration `big` in hdl/configs.yaml; there are small4x4, edge8x8, edge12x12, mid16x16");
    }

    #[test]
    fn unknown_missing_and_impossible_values_are_errors() {
        let one = FILE.split("- name: edge8x8").next().unwrap();
        assert!(parse(&one.replace("  n: 4", "  n: 4\n  m: 4")).unwrap_err().contains("unknown field `m`"));
        assert!(parse(&one.replace("  lanes: 1\n", "")).unwrap_err().contains("missing field `lanes`"));
        let e = parse(&one.replace("  n: 4", "  n: 5")).unwrap_err();
        assert_eq!(e, "configuration `small4x4`: n is 5; it must be 4, 8, 12 or 16");
        assert!(parse(&format!("{one}\n{one}")).unwrap_err().contains("stands there twice"));
    }
}
