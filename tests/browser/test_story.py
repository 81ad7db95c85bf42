"""The whole story in a browser: from nothing to a verified package, with what the start page says and no more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from acceptance.running import RunningServer, clean_environment, command, serving
from browser.conftest import NIGHTS, compilation_request

if TYPE_CHECKING:
    from browser.watching import Watch, Watched

ROOT = Path(__file__).resolve().parents[2]


def test_from_nothing_to_a_verified_package(empty: RunningServer, watch: Watch, tmp_path: Path) -> None:
    watched = watch(empty)
    page = watched.page
    watched.goto("/")
    expect(page).to_have_title("Sign in · edgewright")
    expect(page.get_by_text("edgewright-data/credentials")).to_be_visible()
    watched.sign_in()
    _put_the_model(watched)

    page.get_by_role("link", name="Open the form").first.click()
    watched.picture("form-compilation")
    page.get_by_role("button", name="Create the job").click()
    expect(page.get_by_role("link", name="Package it")).to_be_visible()  # the page has changed by itself
    expect(page.locator("#live .pill")).to_have_text("COMPLETED")
    expect(page.get_by_role("group", name="Log of the compiler")).to_contain_text("Packed the artifact")
    expect(page.get_by_role("row", name="image")).to_contain_text("[1, 1, 8, 8]")

    watched.goto("/")
    page.get_by_role("link", name="Open the form").last.click()
    watched.picture("form-job")
    page.get_by_role("button", name="Create the job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("digits-packaged")
    verify = page.get_by_role("button", name="Verify now")
    expect(verify).to_be_visible()
    stages = page.get_by_role("list", name="States of the job").get_by_role("listitem")
    expect(stages).to_contain_text(["STARTING", "INPROGRESS", "COMPLETED"])

    verify.click()
    expect(page.locator("[data-verdict=verified]")).to_contain_text("2 files, each with the signed digest")
    watched.picture("job-verified")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == "digits-1.0.tar.gz"
    package = tmp_path / "digits-1.0.tar.gz"
    downloading.value.save_as(package)
    assert package.read_bytes() == empty.object("s3://packages/digits-1.0.tar.gz").read_bytes()
    key = empty.data_dir / "keys" / "signing.pub.pem"
    checked = subprocess.run(
        command("verify", str(package), "--public-key", str(key)), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    shown = page.get_by_role("table").filter(has_text="model.ort").get_by_role("row", name="model.ort").text_content()
    assert re.search(r"([0-9a-f]{64})", shown or "")[1] in checked.stdout  # type: ignore[index] # None fails as well


def _put_the_model(watched: Watched) -> None:
    """The first command of the start page, as it stands there."""
    text = watched.page.locator(".steps pre").first.text_content()
    assert text is not None
    subprocess.run(["sh", "-ec", text], cwd=ROOT, check=True, env=clean_environment())


def test_the_commands_of_the_start_page_run_as_they_stand(empty: RunningServer, watch: Watch) -> None:
    """All three, and the calls to copy of the jobs that they made."""
    watched = watch(empty)
    watched.sign_in()
    watched.look_at("eu-central-1")
    texts = [each for each in watched.page.locator(".steps pre").all_text_contents() if each]
    assert len(texts) == 3
    _shell(texts[0], texts[1])
    watched.goto("/console/compilations/digits-compiled")
    expect(watched.page.get_by_role("link", name="Package it")).to_be_visible()
    _shell(f"export AWS_SHARED_CREDENTIALS_FILE={empty.data_dir}/credentials", texts[2])
    watched.goto("/console/jobs/digits-packaged")
    expect(watched.page.get_by_role("button", name="Verify now")).to_be_visible()
    describe = watched.page.get_by_role("group", name="DescribeEdgePackagingJob with the AWS CLI").text_content()
    program = watched.page.locator("#boto3-2").text_content()
    assert "digits-packaged" in _shell(
        f"export AWS_SHARED_CREDENTIALS_FILE={empty.data_dir}/credentials", describe or ""
    )
    environment = clean_environment() | {"AWS_SHARED_CREDENTIALS_FILE": str(empty.data_dir / "credentials")}
    ran = subprocess.run(
        [sys.executable, "-c", program or ""], env=environment, capture_output=True, text=True, check=True
    )
    assert "digits-packaged" in ran.stdout


def _shell(*lines: str) -> str:
    """Run commands as a shell of edgewright's own environment does; what they print."""
    path = f"{Path(sys.executable).parent}:{clean_environment()['PATH']}"
    environment = clean_environment() | {"PATH": path}
    ran = subprocess.run(
        ["sh", "-ec", "\n".join(lines)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_form_says_what_is_wrong_beside_the_field(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy, expected=(422,))
    page = watched.page
    watched.sign_in()
    watched.goto("/console/new-job")
    page.get_by_label("Job name").fill("not a name")
    page.get_by_label("Model name").fill("digits")
    page.get_by_label("Tags").fill("no equals sign")
    page.get_by_role("button", name="Create the job").click()
    wrong = page.locator(".field.wrong label").all_text_contents()
    assert [label.split(" required")[0] for label in wrong] == [
        "Job name",
        "Compilation job",
        "Model version",
        "Output location",
        "Tags",
    ]
    field = page.get_by_label("Job name")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("must satisfy regular expression pattern", re.IGNORECASE))
    expect(page.get_by_label("Model name")).to_have_value("digits")
    watched.picture("form-wrong")
    page.get_by_role("alert").get_by_role("link", name="Job name").click()
    assert page.evaluate("location.hash") == "#name"

    page.get_by_label("Job name").fill("component")
    page.get_by_label("Compilation job").fill("broken-compiled-not")
    page.get_by_label("Model version").fill("1.0")
    page.get_by_label("Output location").fill("s3://packages/../x")
    page.get_by_label("Tags").fill("a=b")
    page.get_by_role("button", name="Create the job").click()
    expect(page.locator(".field.wrong")).to_contain_text(["has a part '.' or '..'"])
    page.get_by_label("Output location").fill("s3://packages/x")
    page.get_by_role("button", name="Create the job").click()
    expect(page.locator(".field.wrong")).to_contain_text(["Could not find requested compilation job"])
    page.get_by_label("Compilation job").fill("hostile-compiled")
    page.get_by_role("button", name="Create the job").click()
    expect(page.locator(".field.wrong")).to_contain_text(["with this name already exists"])
    page.get_by_label("Job name").fill("from-a-form")
    page.get_by_role("button", name="Create the job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("from-a-form")


def test_listings_filter_sort_and_page(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy)
    page = watched.page
    watched.sign_in()
    watched.goto("/console/jobs?q=nightly")
    first = page.locator("tbody tr").first
    expect(first).to_contain_text(f"nightly-{NIGHTS - 1}")
    page.get_by_role("link", name="Job", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("^Job"))
    page.get_by_role("link", name="Job", exact=True).click()
    expect(first).to_contain_text("nightly-00")
    expect(page.locator("tbody tr")).to_have_count(25)
    page.get_by_role("link", name="Next").click()
    expect(first).to_contain_text("nightly-25")
    expect(page.locator("tbody tr")).to_have_count(NIGHTS - 25)
    page.get_by_role("link", name="Previous").click()
    expect(first).to_contain_text("nightly-00")
    page.get_by_label("Status").select_option("FAILED")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    page.get_by_label("Name contains").fill("brok")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_changed_package_does_not_verify(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy)
    watched.sign_in()
    watched.goto("/console/jobs/nightly-07")
    package = busy.object("s3://packages/out/digits-1.7.tar.gz")
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(bytes(content))
    watched.page.get_by_role("button", name="Verify now").click()
    expect(watched.page.locator("[data-verdict=refused]")).to_contain_text("Do not deploy this package.")
    watched.picture("job-refused")


def test_everything_works_by_keyboard(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy)
    page = watched.page
    watched.sign_in()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id || location.hash.slice(1)") == "main"
    user = page.get_by_role("button", name="edgewright", exact=True)
    user.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("everything in the account")).to_be_visible()
    page.get_by_label("Dark").focus()
    page.keyboard.press("Space")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="edgewright", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Sign in · edgewright")
    watched.goto("/console/jobs")
    expect(page).to_have_title("Sign in · edgewright")


def test_a_page_that_is_open_follows_its_job(tmp_path: Path, watch: Watch) -> None:
    """A job waits for a worker, is stopped from its page, and ends when a worker comes."""
    with serving(tmp_path / "data", "--no-worker") as server:
        watched = watch(server)
        page = watched.page
        watched.sign_in()
        expect(page.get_by_text("No worker is running.")).to_be_visible()
        server.client(region="us-east-1").create_compilation_job(**compilation_request("waits", server))
        watched.goto("/console/compilations/waits")
        expect(page.locator("#live .pill")).to_have_text("STARTING")
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Stop the job").click()
        expect(page.locator("#live .pill")).to_have_text("STOPPING")
        watched.picture("job-stopping")
        worker = subprocess.Popen(command("worker", "--data-dir", str(server.data_dir)), env=clean_environment())
        try:
            expect(page.locator("#live .pill")).to_have_text("STOPPED")
            watched.goto("/console/workers")
            expect(page.locator("tbody tr")).to_contain_text("alive")
        finally:
            worker.terminate()
            worker.wait(30)


def test_without_script_the_pages_still_work(busy: RunningServer, watch: Watch) -> None:
    watched = watch(busy, script=False)
    page = watched.page
    watched.sign_in()
    watched.goto("/console/jobs/component")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("[data-verdict=verified]")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Verification")
