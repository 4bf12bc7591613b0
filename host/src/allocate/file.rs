//! Problems from files: YAML documents, or JSON, one object a line. The form: `docs/allocator.md`.
//!
//! Both have the same keys. A number that cannot be a cost (negative, fractional, NaN, too large) is kept until the
//! device it belongs to is known, so that the error can name it.

use super::{AllocateError, Device, Mode, Problem, SeedForm, LIMITS};
use serde::de::{self, Deserializer, Visitor};
use serde::Deserialize;
use std::fmt;

/// Where the form is told.
const FORM: &str = "; see docs/allocator.md for the form";

/// Problems in `text`; `place` is its file in errors, and names problems that have no name.
///
/// Text that begins with `{` is JSON, one object after another; anything else is YAML, one document a problem.
///
/// # Errors
/// Text of another form, with its line; no problem at all; a problem that cannot be, with its device and field.
pub fn read(text: &str, place: &str) -> Result<Vec<Problem>, AllocateError> {
    let forms = if text.trim_start().starts_with('{') { json(text, place)? } else { yaml(text, place)? };
    let stem = std::path::Path::new(place).file_stem().map_or(place.into(), |s| s.to_string_lossy());
    let numbered = forms.len() > 1;
    let name = |i: usize| if numbered { format!("{stem} {}", i + 1) } else { stem.to_string() };
    let problems = forms.into_iter().enumerate().map(|(i, form)| form.problem(&name(i)));
    let problems = problems.collect::<Result<Vec<_>, _>>()?;
    if problems.is_empty() {
        return Err(file_error(place, format!("holds no problem{FORM}")));
    }
    Ok(problems)
}

fn file_error(place: &str, what: impl fmt::Display) -> AllocateError {
    AllocateError::File { place: place.into(), what: what.to_string().replace('\n', " ") }
}

fn json(text: &str, place: &str) -> Result<Vec<Form>, AllocateError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter();
    let mut forms = Vec::new();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return Ok(forms),
            Some(Ok(form)) => forms.push(form),
            Some(Err(e)) => {
                // Many programs write NaN, which JSON has not. As YAML it is a word, and its device can be named.
                let line = text[start..].trim_start().lines().next().unwrap_or("");
                let named = serde_yaml::from_str::<Form>(line).ok().and_then(|f| f.problem("without a name").err());
                return Err(named.unwrap_or_else(|| file_error(place, format!("{e}{FORM}"))));
            }
        }
    }
}

fn yaml(text: &str, place: &str) -> Result<Vec<Form>, AllocateError> {
    let mut forms = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        match Option::<Form>::deserialize(document) {
            Ok(form) => forms.extend(form),
            Err(e) => return Err(file_error(place, format!("{e}{FORM}"))),
        }
    }
    Ok(forms)
}

/// A problem as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: Option<String>,
    mode: Mode,
    budget: Number,
    /// The tables alone, `cost[i][k]`, for devices without names.
    cost: Option<Vec<Vec<Option<Number>>>>,
    devices: Option<Vec<DeviceForm>>,
    /// Seed form: the least level of each device, 0 or 1.
    least: Option<Number>,
    /// Seed form: greatest power of a device.
    power_max: Option<Number>,
    /// The best cost, where somebody knows it. Nothing is done with it.
    #[serde(rename = "optimum")]
    _optimum: Option<serde_json::Value>,
}

/// A device as it is written: a table, or power and longest time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceForm {
    name: Option<Text>,
    cost: Option<Vec<Option<Number>>>,
    power: Option<Number>,
    longest: Option<Number>,
    weight: Option<Number>,
}

/// A whole number from 0 up, or what stands there instead.
struct Number(Result<u64, String>);

/// A name; a number is one, too.
struct Text(String);

macro_rules! shown {
    ($($visit:ident($kind:ty))+) => { $(
        fn $visit<E: de::Error>(self, v: $kind) -> Result<Number, E> {
            Ok(Number(Err(v.to_string())))
        }
    )+ };
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a whole number from 0 up")
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Number, E> {
        Ok(Number(Ok(v)))
    }

    shown! { visit_i64(i64) visit_i128(i128) visit_u128(u128) visit_bool(bool) visit_str(&str) }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Number, E> {
        // 2⁵³: below it a whole float is the number that was written.
        if v >= 0.0 && v.fract() == 0.0 && v < 9_007_199_254_740_992.0 {
            return Ok(Number(Ok(v as u64)));
        }
        Ok(Number(Err(v.to_string())))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NumberVisitor)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<Text, E> {
                Ok(Text(v.into()))
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Text, E> {
                Ok(Text(v.to_string()))
            }
        }
        d.deserialize_any(TextVisitor)
    }
}

/// Names the place of a value in errors.
struct At<'a> {
    problem: &'a str,
    device: Option<&'a str>,
}

impl At<'_> {
    fn error(&self, field: &str, what: String) -> AllocateError {
        let (problem, field) = (self.problem.into(), field.into());
        match self.device {
            Some(device) => AllocateError::Device { problem, device: device.into(), field, what },
            None => AllocateError::Problem { problem, field, what },
        }
    }

    fn number(&self, field: &str, number: &Number) -> Result<u64, AllocateError> {
        number.0.clone().map_err(|v| self.error(field, format!("is {v}; it must be a whole number from 0 up")))
    }

    fn size(&self, field: &str, number: &Number) -> Result<usize, AllocateError> {
        let value = self.number(field, number)?;
        // What does not fit is far beyond any limit, which is checked later.
        Ok(usize::try_from(value).unwrap_or(usize::MAX))
    }

    fn table(&self, cost: &[Option<Number>]) -> Result<Vec<Option<u64>>, AllocateError> {
        let cell = |(k, cell): (usize, &Option<Number>)| match cell {
            None => Ok(None),
            Some(number) => self.number(&format!("cost[{k}]"), number).map(Some),
        };
        cost.iter().enumerate().map(cell).collect()
    }
}

impl Form {
    fn problem(self, unnamed: &str) -> Result<Problem, AllocateError> {
        let name = self.name.clone().unwrap_or_else(|| unnamed.into());
        let at = At { problem: &name, device: None };
        let budget = at.size("budget", &self.budget)?;
        let devices = match (&self.cost, &self.devices) {
            (Some(cost), None) => self.unnamed_devices(&name, cost)?,
            (None, Some(devices)) if devices.iter().any(|d| d.power.is_some()) => {
                return self.seed_form(&name, budget, devices);
            }
            (None, Some(devices)) => self.named_devices(&name, devices)?,
            (Some(_), Some(_)) => return Err(at.error("cost", "and devices are both there; give one of them".into())),
            (None, None) => return Err(at.error("devices", format!("are missing{FORM}"))),
        };
        for (field, value) in [("least", &self.least), ("power_max", &self.power_max)] {
            if value.is_some() {
                return Err(at.error(field, "is for devices with power and longest; leave it out".into()));
            }
        }
        Problem::new(name, self.mode, budget, devices)
    }

    fn unnamed_devices(&self, problem: &str, cost: &[Vec<Option<Number>>]) -> Result<Vec<Device>, AllocateError> {
        let device = |(i, cost): (usize, &Vec<Option<Number>>)| {
            let name = i.to_string();
            let cost = At { problem, device: Some(&name) }.table(cost)?;
            Ok(Device::new(name, cost))
        };
        cost.iter().enumerate().map(device).collect()
    }

    fn named_devices(&self, problem: &str, devices: &[DeviceForm]) -> Result<Vec<Device>, AllocateError> {
        let device = |(i, form): (usize, &DeviceForm)| {
            let name = form.name(i);
            let at = At { problem, device: Some(&name) };
            let Some(cost) = &form.cost else {
                return Err(at.error("cost", "is missing; give a cost for each level, or power and longest".into()));
            };
            if form.longest.is_some() {
                return Err(at.error("longest", "is for devices with power; give power, or leave it out".into()));
            }
            let slope = form.weight.as_ref().map_or(Ok(0), |w| at.number("weight", w))?;
            Ok(Device { cost: at.table(cost)?, slope, name })
        };
        devices.iter().enumerate().map(device).collect()
    }

    fn seed_form(&self, problem: &str, budget: usize, devices: &[DeviceForm]) -> Result<Problem, AllocateError> {
        let at = At { problem, device: None };
        let mut seed = SeedForm::new(problem, budget).mode(self.mode);
        match self.least.as_ref().map(|n| at.number("least", n)).transpose()? {
            None | Some(0) => (),
            Some(1) => seed = seed.from_one(),
            Some(n) => return Err(at.error("least", format!("is {n}; it must be 0 or 1"))),
        }
        if let Some(most) = &self.power_max {
            seed = seed.power_max(at.number("power_max", most)?);
        }
        for (i, form) in devices.iter().enumerate() {
            let name = form.name(i);
            let at = At { problem, device: Some(&name) };
            if form.cost.is_some() {
                return Err(at.error("cost", "is there, but other devices have power; give all one form".into()));
            }
            let (Some(power), Some(longest)) = (&form.power, &form.longest) else {
                let field = if form.power.is_some() { "longest" } else { "power" };
                return Err(at.error(field, "is missing; a device has power and longest, or cost".into()));
            };
            let weight = form.weight.as_ref().map_or(Ok(0), |w| at.number("weight", w))?;
            let (power, longest) = (at.number("power", power)?, at.size("longest", longest)?);
            seed = seed.device(name, power, longest, weight);
        }
        if budget > LIMITS.budget {
            // Before tables as long as that are made.
            Problem::new(problem, self.mode, budget, vec![Device::new("any", vec![Some(0)])])?;
        }
        seed.build()
    }
}

impl DeviceForm {
    /// Its name, or its number.
    fn name(&self, i: usize) -> String {
        self.name.as_ref().map_or_else(|| i.to_string(), |n| n.0.clone())
    }
}
