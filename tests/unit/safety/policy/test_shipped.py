"""The shipped profiles keep what they promise, in every situation, and their cases notice any policy that went."""

from functools import cache
from itertools import chain, combinations, product

import pytest
from tests.oracle.policy_oracle import Situation, expected, sink
from tests.oracle.policy_world import person, request, shipped, shipped_cases, shipped_sources, tool

from holdfast.contracts import Effect, Label, OperatorError, Scope, Sink
from holdfast.safety.policy import Allowed, Asks, Denied, Facts, PolicyBundle, supposed
from holdfast.safety.policy.cases import read_cases, sample_tools
from holdfast.safety.policy.decisions import ApprovalLevel, PolicyRequest
from holdfast.safety.policy.profiles import select
from holdfast.safety.policy.source import statements

PROFILES = ("readonly", "supervised", "autonomous")
VERDICTS = {Allowed: "allow", Denied: "deny", Asks: "ask"}
EFFECTS = [frozenset(some) for count in range(7) for some in combinations(Effect, count)]
LABELS = [frozenset(some) for count in range(3) for some in combinations(Label, count)]
METHODS = (None, "GET", "HEAD", "get", "POST", "DELETE", "Get ", "", "\uff27\uff25\uff34")


FILE_READ = tool("file_read", {"path": {"type": "string"}}, Effect.READ_PRIVATE)


@cache
def reader(profile: str) -> PolicyBundle:
    return shipped(profile, FILE_READ)


def test_effects_and_labels_are_all_there() -> None:
    assert (len(EFFECTS), len(LABELS)) == (64, 4)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_combination_is_decided_as_promised(profile: str) -> None:
    """Every effect set, label set, scope and finding, and every method of `http_fetch`, against an oracle in Python."""
    plain = {effects: tool("t_" + "_".join(sorted(effects)), {}, *effects) for effects in EFFECTS}
    fetch = tool(
        "http_fetch", {"url": {"type": "string"}, "method": {"type": "string"}}, Effect.EGRESS, Effect.READ_UNTRUSTED
    )
    bundle = shipped(profile, fetch, *plain.values())
    calls = chain(((spec, None) for spec in plain.values()), ((fetch, method) for method in METHODS))

    for (spec, method), labels, may_call, found in product(calls, LABELS, (True, False), (0, 1)):
        situation = Situation(
            effects=frozenset(spec.effects),
            labels=frozenset(labels),
            may_call=may_call,
            secret_found=bool(found),
            method=method,
            fetch=spec is fetch,
        )
        decision = bundle.decide(
            request(
                spec,
                {} if method is None else {"method": method},
                principal=person("a", Scope.CALL if may_call else Scope.HOST),
                labels=labels,
                facts=Facts(leaks=0, credentials=found, injection=0, pii=0, rules=frozenset()),
            )
        )
        assert VERDICTS[type(decision)] == expected(profile, situation), situation


FLAGS = ("args_from_user", "all_from_user", "repeated", "receivers_listed", "receivers_from_user")
SAID = [frozenset(some) for count in range(len(FLAGS) + 1) for some in combinations(FLAGS, count)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_fact_of_flow_counts_as_promised(profile: str) -> None:
    """Every effect set, label set and staging with every set of flow facts, for a plain tool and for a fetch."""
    plain = {effects: tool("t_" + "_".join(sorted(effects)), {}, *effects) for effects in EFFECTS}
    fetch = tool(
        "http_fetch", {"url": {"type": "string"}, "method": {"type": "string"}}, Effect.EGRESS, Effect.READ_UNTRUSTED
    )
    bundle = shipped(profile, fetch, *plain.values())

    for spec, labels, staged, said in product((fetch, *plain.values()), LABELS, (True, False), SAID):
        situation = Situation(
            effects=frozenset(spec.effects),
            labels=frozenset(labels),
            may_call=True,
            secret_found=False,
            method=None,
            fetch=spec is fetch,
            staged=staged,
            said=said,
        )
        flowing = {"sink": Sink(sink(situation)), **dict.fromkeys(said, True)}
        decision = bundle.decide(request(spec, {}, labels=labels, flowing=flowing))
        assert VERDICTS[type(decision)] == expected(profile, situation), situation


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("likeness", ["args_contain_private", "args_from_untrusted"])
def test_a_likeness_never_frees_a_call(profile: str, likeness: str) -> None:
    tools = [tool("t_" + "_".join(sorted(effects)), {}, *effects) for effects in EFFECTS]
    bundle = shipped(profile, *tools)
    for spec, labels, said in product(tools, LABELS, SAID[:6]):
        without, with_it = (
            bundle.decide(request(spec, {}, labels=labels, flowing=dict.fromkeys(facts, True)))
            for facts in (said, said | {likeness})
        )
        assert isinstance(without, Allowed) or not isinstance(with_it, Allowed)


def decided(profile: str) -> dict[str, tuple[set[str], set[str]]]:
    """Of each policy, the cases it matches and the cases it does not."""
    files = read_cases(shipped_cases(), profile)
    samples = sample_tools(files)
    bundle = shipped(profile, *samples.values())
    found: dict[str, tuple[set[str], set[str]]] = {match.id: (set(), set()) for match in bundle.policies}
    for case in (case for one in files for case in one.cases):
        call = PolicyRequest(
            principal=case.principal,
            session=case.session,
            spec=samples[case.tool],
            arguments=case.arguments,
            facts=case.facts,
            flow=case.flow.facts(samples[case.tool]),
            around=supposed(),
            given=case.given,
        )
        matched = {match.id for match in bundle.explain(call).matches}
        for name, (hits, misses) in found.items():
            (hits if name in matched else misses).add(case.name)
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_the_cases_show_every_policy_matching_and_every_conditional_one_not_matching(profile: str) -> None:
    for name, (hits, misses) in decided(profile).items():
        assert hits, name
        assert misses or (profile, name) == ("autonomous", "working"), name


@pytest.mark.parametrize("profile", PROFILES)
def test_a_set_without_any_one_of_its_policies_fails_its_cases(profile: str) -> None:
    chosen = select(shipped_sources(), profile)
    for file, text in chosen.items():
        for gone in statements(file, text):
            lame = {**shipped_sources(), file: text.replace(gone.text, "")}
            with pytest.raises(OperatorError, match="case"):
                PolicyBundle.load(lame, shipped_cases(), profile=profile, specs=[])


def test_both_lists_of_secret_files_are_one_list() -> None:
    sources = shipped_sources()
    first, second = (
        sources[name].partition("forbid (")[2] for name in ("secret-files.cedar", "autonomous/secret-files.cedar")
    )

    assert first
    assert first == second


@pytest.mark.parametrize(
    "path",
    [
        ".env", "a/.env", "a/.env/b", ".env.local", "prod/.env.production", ".ENV", ".env.", "x/../.env", "C:\\w\\.env",
        ".envrc", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".git-credentials", ".aws/credentials", ".my.cnf",
        ".azure/token.json", ".config/gcloud/credentials.db", ".kube/config", ".docker/config.json", ".ssh/config",
        ".gnupg/secring.gpg", "id_rsa", "id_dsa", "id_ecdsa", "ID_ED25519", "a.pem", "a.key", "a.p12", "a.pfx", "a.jks",
        "a.keystore", "a.kdbx", ".htpasswd", ".env.example/../.env.local", ".env.example.bak",
    ],
)  # fmt: skip
def test_a_file_of_secrets_is_asked_for_or_denied(path: str) -> None:
    asked = request(FILE_READ, {"path": path})

    assert isinstance(reader("supervised").decide(asked), Asks)
    assert isinstance(reader("autonomous").decide(asked), Denied)


@pytest.mark.parametrize(
    "path",
    [
        "environment.md", "src/env.py", ".env.example", "a/.env.sample", ".env.template", "id_rsa.pub", "docs/ssh.md",
        "keys.md", "pem/readme", "monkey", ".gitignore", "package.json", "a.keyboard", ".environment",
    ],
)  # fmt: skip
def test_an_ordinary_file_is_read_without_a_question(path: str) -> None:
    for profile in PROFILES:
        assert isinstance(reader(profile).decide(request(FILE_READ, {"path": path})), Allowed)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_asks_only_if_somebody_is_there_to_ask(profile: str) -> None:
    asking = [match.id for match in shipped(profile).policies if match.approval is not None]
    leased = [match.id for match in shipped(profile).policies if match.approval is ApprovalLevel.LEASE]

    assert bool(set(asking) - set(leased)) == (profile != "autonomous")
    assert bool(leased) == (profile == "autonomous")
