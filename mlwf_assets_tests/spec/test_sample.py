"""How much a sample takes, what it is called, and what is different in its workflow."""

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.loader import load
from mlwf_assets.spec.sample import parse_sample_name, parse_share, sample_name, sampled
from mlwf_assets_tests import small


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), (" 12.5 % ", 0.125), ("99%", 0.99)])
def test_a_share_is_a_percentage_or_a_fraction(text, share):
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["5", "0%", "100%", "1", "-5%", "nan", "five", "", "5%%"])
def test_anything_else_is_refused_with_what_it_must_be(text):
    with pytest.raises(SpecError, match=r"--sample must be a share of the examples such as 5% or 0\.05, however: "):
        parse_share(text)


@pytest.mark.parametrize("share", [0.05, 0.125, 0.001, 0.5])
def test_a_name_tells_the_share_again(share):
    assert parse_sample_name(sample_name("trips", share)) == ("trips", share)


def test_a_sample_deploys_nothing_and_tunes_for_less_time(tmp_path):
    models = {"families": ["linear"], "budget": "5min"}
    whole = load(small.write(tmp_path / "parcels", models=models))
    found = sampled(whole, 0.1)
    assert (found.name, found.whole_name, found.share) == ("parcels_sample_10", "parcels", 0.1)
    assert found.deployment is None
    assert "a sample: 10 % of the examples" in found.project.question
    assert found.models.budget.seconds.total_seconds() == 30
    assert sampled(whole, 0.01).models.budget.seconds.total_seconds() == 10
    assert (whole.name, whole.whole_name, whole.share) == ("parcels", "parcels", None)
    assert found.folder == whole.folder
