use std::time::Duration;

use super::*;

fn from_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), environment.collect::<Vec<_>>())
}

#[test]
fn every_key_has_a_default() {
    assert_eq!(Config::load(None, []).unwrap(), Config::default());
    assert_eq!(Config { file: None, ..from_text("# nothing\n", &[]).unwrap() }, Config::default());
}

#[test]
fn the_configuration_that_is_shipped_says_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.yaml");
    let shipped = Config::load(Some(&path), []).unwrap();
    assert!(shipped.settings.len() > 30, "{:?}", shipped.settings);
    assert_eq!(Config { file: None, settings: Settings::new(), ..shipped }, Config::default());
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_its_line() {
    for text in ["data_dir: x\nskils_dir: y\n", "limits:\n  feul: 3\n", "blackboard:\n  ttl: 3\n"] {
        let error = from_text(text, &[]).unwrap_err().to_string();
        let key = text.lines().nth(1).unwrap().trim().split(':').next().unwrap();
        assert!(error.contains(key) && error.contains('2'), "{error}");
    }
}

#[test]
fn a_secret_in_clear_and_a_name_that_no_grant_can_say_are_errors() {
    let secret =
        |value: &str| format!("secrets:\n  s: {{ value: {value}, hosts: [https://a.test], header: 'A: {{}}' }}\n");
    let error = from_text(&secret("hunter2-in-clear"), &[]).unwrap_err().to_string();
    assert!(error.contains("${ENV_NAME}") && !error.contains("hunter2"), "{error}");
    assert!(from_text(&secret("'${TOKEN}'"), &[]).is_ok());
    for text in [
        "dirs: { Work Space: . }\n",
        "dirs: { skill: . }\n",
        "secrets: { 'a b': { value: 'file:x', hosts: [], header: '' } }\n",
    ] {
        assert!(from_text(text, &[]).is_err(), "{text}");
    }
}

#[test]
fn a_skills_own_limits_are_laid_over_the_hosts() {
    let config = from_text(
        "limits: { fuel: 5, memory: 1MiB }\nskills:\n  text-kit: { limits: { timeout: 5s, memory: 2MiB } }\n",
        &[("SKILLHOST_LIMITS__FUEL", "7"), ("SKILLHOST_RECORDING", "relaxed"), ("SKILLHOST_LOG", "debug")],
    )
    .unwrap();
    let limits = config.limits_of(&SkillName::new("text-kit").unwrap());
    assert_eq!((limits.fuel, limits.timeout, limits.memory), (7, Duration::from_secs(5), 2 << 20));
    assert_eq!(config.limits_of(&SkillName::new("other").unwrap()).memory, 1 << 20);
    assert_eq!((config.largest_memory(), config.recording), (2 << 20, Recording::Relaxed));
}

#[test]
fn what_was_set_is_known_with_its_place_and_what_was_not_is_left_out() {
    let mut config = from_text(
        "limits: { fuel: 5, timeout: 5s }\ndirs: { docs: /srv }\nblackboard:\n  redis:\n",
        &[("SKILLHOST_LIMITS__FUEL", "7"), ("SKILLHOST_RECORDING", "relaxed")],
    )
    .unwrap();
    config.set_on_command_line("data_dir", "elsewhere");
    let set: Vec<_> = config.settings.iter().map(|(key, set)| (key.as_str(), &set.value, &set.origin)).collect();
    let environment = |name: &str| Origin::Environment(name.to_owned());
    assert_eq!(
        set,
        [
            ("data_dir", &"elsewhere".into(), &Origin::CommandLine),
            ("dirs.docs", &"/srv".into(), &Origin::File),
            ("limits.fuel", &7.into(), &environment("SKILLHOST_LIMITS__FUEL")),
            ("limits.timeout", &"5s".into(), &Origin::File),
            ("recording", &"relaxed".into(), &environment("SKILLHOST_RECORDING")),
        ]
    );
}

#[test]
fn a_wrong_setting_in_the_environment_names_the_variable() {
    for (name, value) in [("SKILLHOST_LIMITS__FUEL", "much"), ("SKILLHOST_LIMITS__FEUL", "3"), ("SKILLHOST_A__B", "1")]
    {
        let error = from_text("", &[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
