"""`mlwf run --processes`: what steps do in processes of their own is told, kept and gone on from as ever."""

from mlwf_assets_tests import small

# Little, for each process imports everything again.
ASKED = ("--select", "+clean/parcels", "--partitions", "..2024-02")


def of_two_months(*names):
    return {f"{name}@{month}" for name in names for month in ("2024-01", "2024-02")}


def test_a_run_goes_on_in_one_process_from_what_the_processes_of_steps_have_done(installation, tmp_path):
    changed = small.spec()
    changed["tables"]["parcels"]["rules"][0]["otherwise"] = "fail"
    folder = small.write(tmp_path / "parcels", **changed)
    apart = installation.run_json(folder, "--processes", *ASKED, code=2)
    assert {*apart["computed"]} == of_two_months("raw/parcels")
    assert "too heavy" in apart["errors"]["clean/parcels"]
    assert 0 < apart["orchestration_share"] < 1
    small.write_spec(folder, small.spec())
    together = installation.run_json(folder, *ASKED)
    assert {*together["computed"]} == of_two_months("clean/parcels", "quarantine/parcels")
    assert {*together["reused"]} == of_two_months("raw/parcels")
