"""From a folder of dirty files to a registered model, with the file that `mlwf init` writes."""

from mlwf_assets_tests.drafting.toy import write_shop


def test_three_related_files_of_different_forms_become_a_registered_model(installation):
    files = write_shop(installation.cwd / "files")
    installation.mlwf("init", files, "--target", "outcome", "--name", "shop")
    defs = installation.cwd / "shop" / "defs.yaml"
    defs.write_text(defs.read_text().replace("budget: 10s", "budget: {trials: 1}"))
    document = installation.run_json("shop")
    assert (document["gate"]["registered_model"], document["gate"]["version"]) == ("shop-outcome", 1)
    # What segment and amount tell is learned: the one comes from the customers, the other from '1.234,50'.
    assert document["test_metrics"]["accuracy"]["value"] > 0.7
    quarantined = list((installation.home / "reports" / "shop").rglob("*.csv"))
    text = "".join(file.read_text() for file in quarantined)
    assert "orders.ordered must be date, however: '30.02.2023'" in text
    assert "orders.total must be number, however: 'teuer'" in text
