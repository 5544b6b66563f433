//! What a commit of a followed repository means for what stands on the server.

use std::collections::{BTreeMap, BTreeSet};

use ironhand_api::{Kind, Manifest, Name, Repository};

/// A manifest of a commit, and the file that it stands in.
#[derive(Clone)]
pub struct Described {
    /// The path of the file in the repository.
    pub file: String,
    /// What it says.
    pub manifest: Manifest,
}

/// What stands on the server, as far as it matters to a commit.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Which resources are described by which repository.
    pub followed: BTreeMap<(Kind, Name), Name>,
    /// The clusters and zones that there are, and the hosts and profiles.
    pub places: BTreeSet<(Kind, Name)>,
}

/// What is to go when a commit is applied. What is to come stands in its manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowPlan {
    /// What the repository described and is to be deleted; who refers to others goes first.
    pub remove: Vec<(Kind, Name)>,
    /// What the repository described, and stays without it.
    pub leave: Vec<(Kind, Name)>,
}

/// Decides what is to go when the manifests of a commit are applied.
///
/// # Errors
///
/// Every reason why the commit cannot be applied, each with its file.
pub fn plan_follow(
    repository: &Repository,
    described: &[Described],
    ground: &Ground,
) -> Result<FollowPlan, Vec<String>> {
    let own = &repository.metadata.name;
    let wanted: BTreeSet<(Kind, Name)> = described.iter().map(|one| key(&one.manifest)).collect();
    let gone = ground.followed.iter().filter(|(key, owner)| *owner == own && !wanted.contains(key));
    let mut gone: Vec<(Kind, Name)> = gone.map(|(key, _)| key.clone()).collect();
    let rank = |kind: Kind| Kind::ALL.iter().position(|other| *other == kind);
    gone.sort_by(|one, other| rank(other.0).cmp(&rank(one.0)).then_with(|| one.1.cmp(&other.1)));
    let plan = match repository.spec.prune {
        true => FollowPlan { remove: gone, leave: Vec::new() },
        false => FollowPlan { remove: Vec::new(), leave: gone },
    };
    let mut places = ground.places.clone();
    places.extend(wanted);
    places.retain(|place| !plan.remove.contains(place));
    let faults: Vec<String> =
        described.iter().flat_map(|one| faults(repository, one, ground, &places)).collect();
    if faults.is_empty() { Ok(plan) } else { Err(faults) }
}

fn key(manifest: &Manifest) -> (Kind, Name) {
    (manifest.kind(), manifest.metadata().name.clone())
}

/// The resources that a manifest needs.
fn targets(manifest: &Manifest) -> Vec<(Kind, Name)> {
    match manifest {
        Manifest::Host(host) => {
            host.spec.cluster.iter().map(|cluster| (Kind::Cluster, cluster.clone())).collect()
        }
        Manifest::Cluster(cluster) => {
            cluster.spec.zone.iter().map(|zone| (Kind::Zone, zone.clone())).collect()
        }
        Manifest::Network(network) => {
            network.spec.profiles().into_iter().map(|profile| (Kind::Profile, profile)).collect()
        }
        Manifest::Deployment(deployment) => {
            let spec = &deployment.spec;
            vec![(Kind::Host, spec.host.clone()), (Kind::Profile, spec.profile.clone())]
        }
        _ => Vec::new(),
    }
}

/// What a manifest says that it may not say here.
fn faults(
    repository: &Repository,
    Described { file, manifest }: &Described,
    ground: &Ground,
    places: &BTreeSet<(Kind, Name)>,
) -> Vec<String> {
    let (kind, name) = key(manifest);
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{file}: {kind} `{name}` {text}"));
    match kind {
        Kind::Repository => fault(
            "cannot stand in a repository that is followed: whoever may write to one could have others followed; \
             apply it by hand"
                .to_owned(),
        ),
        Kind::Settings if !repository.spec.allow_settings => {
            fault("are of the server as a whole; they are taken where the Repository says allowSettings".to_owned());
        }
        _ => {}
    }
    let owner = ground.followed.get(&(kind, name.clone()));
    if let Some(other) = owner.filter(|owner| **owner != repository.metadata.name) {
        fault(format!("is described by the repository `{other}` as well; remove it from one of the two"));
    }
    for (target, named) in targets(manifest).into_iter().filter(|target| !places.contains(target)) {
        fault(format!("names {target} `{named}`, which is neither in the repository nor on the server"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use ironhand_api::parse_manifests;

    use super::*;

    fn repository(spec: &str) -> Repository {
        let text = format!(
            "apiVersion: ironhand/v1\nkind: Repository\nmetadata: {{ name: site }}\n\
             spec: {{ url: 'https://git.example/site', {spec} }}\n"
        );
        match parse_manifests("test", &text).unwrap().remove(0) {
            Manifest::Repository(repository) => repository,
            other => panic!("{}", other.kind()),
        }
    }

    fn described(documents: &[&str]) -> Vec<Described> {
        let parse = |text: &&str| {
            let text = format!("{{ apiVersion: ironhand/v1, {text} }}");
            Described {
                file: "a.yaml".to_owned(),
                manifest: parse_manifests("a.yaml", &text).unwrap().remove(0),
            }
        };
        documents.iter().map(parse).collect()
    }

    const CLUSTER: &str = "kind: Cluster, metadata: { name: web }, spec: {}";
    const HOST: &str = "kind: Host, metadata: { name: a }, spec: { cluster: web, credentials: [c], connectors: \
        [{ type: ipmi, address: 10.0.0.1 }] }";
    const SETTINGS: &str = "kind: Settings, metadata: { name: global }, spec: {}";

    fn keys(text: &[(Kind, &str)]) -> Vec<(Kind, Name)> {
        text.iter().map(|(kind, name)| (*kind, name.parse().unwrap())).collect()
    }

    #[test]
    fn what_a_commit_leaves_out_goes_or_stays_as_the_repository_says() {
        let check = |prune: bool, remove: &[(Kind, &str)], leave: &[(Kind, &str)]| {
            let site: Name = "site".parse().unwrap();
            let old = [(Kind::Cluster, "old"), (Kind::Host, "old"), (Kind::Host, "a"), (Kind::Zone, "z")];
            let mut ground = Ground::default();
            ground.followed.extend(keys(&old).into_iter().map(|key| (key, site.clone())));
            ground.followed.insert((Kind::Host, "elsewhere".parse().unwrap()), "other".parse().unwrap());
            let plan =
                plan_follow(&repository(&format!("prune: {prune}")), &described(&[CLUSTER, HOST]), &ground);
            assert_eq!(plan.unwrap(), FollowPlan { remove: keys(remove), leave: keys(leave) }, "{prune}");
        };
        let gone = [(Kind::Host, "old"), (Kind::Cluster, "old"), (Kind::Zone, "z")];
        check(true, &gone, &[]);
        check(false, &[], &gone);
    }

    #[test]
    fn what_a_commit_may_not_say_is_told_with_its_file() {
        let check = |spec: &str, documents: &[&str], ground: &Ground, wanted: &[&str]| {
            let found =
                plan_follow(&repository(spec), &described(documents), ground).err().unwrap_or_default();
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(found.starts_with("a.yaml: ") && found.contains(wanted), "{found}");
            }
        };
        let nothing = Ground::default();
        check("", &[CLUSTER, HOST], &nothing, &[]);
        check("", &[HOST], &nothing, &["names Cluster `web`"]);
        let web =
            Ground { places: keys(&[(Kind::Cluster, "web")]).into_iter().collect(), ..Ground::default() };
        check("", &[HOST], &web, &[]);
        check("", &[SETTINGS], &nothing, &["allowSettings"]);
        check("allowSettings: true", &[SETTINGS], &nothing, &[]);
        let inner = "kind: Repository, metadata: { name: inner }, spec: { url: 'https://git.example/inner' }";
        check("", &[inner, SETTINGS], &nothing, &["cannot stand in a repository", "allowSettings"]);
        let other: Name = "other".parse().unwrap();
        let taken = keys(&[(Kind::Cluster, "web")]).into_iter().map(|key| (key, other.clone())).collect();
        let taken = Ground { followed: taken, ..Ground::default() };
        check("", &[CLUSTER], &taken, &["by the repository `other` as well"]);
        let site: Name = "site".parse().unwrap();
        let mut pruned = web;
        pruned.followed =
            keys(&[(Kind::Cluster, "web")]).into_iter().map(|key| (key, site.clone())).collect();
        check("prune: true", &[HOST], &pruned, &["names Cluster `web`"]);
    }
}
