package gsbatch_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// promise is one line of the table of promises: what is promised, the figure to
// reach, the tests by package that measure it, each of which says its figure in
// a line "promise R1: …", and in what the measurement is short of the target.
type promise struct {
	id, what, target string
	tests            map[string]string // by package, names with blanks between
	short            string
}

func promises() []promise {
	const gainsight, pipeline, cmd, readers, writers, emulator, checkpoint = "gainsight", "pipeline", "cmd/gsbatch", "readers", "writers", "emulator", "checkpoint"
	return []promise{
		{"R1", "fault schedules in simulated time, judged by an independent model", "10,000: 0 duplicated, 0 lost",
			map[string]string{pipeline: "TestSchedules TestRecordSchedules TestTwinSchedules TestLargeSchedule"}, ""},
		{"R2", "kill -9 of the real binary at random moments, then resume", "200: 0 and 0",
			map[string]string{cmd: "TestKilledAtRandom"}, ""},
		{"R3", "connection cut at every byte of request and answer", "100 % rightly classified",
			map[string]string{gainsight: "TestRequestCutAtEveryByte TestAnswerCutAtEveryByte TestTLSHandshakeCut"}, ""},
		{"R4", "calls in any window, three processes, restarts", "never over the limit, ≥ 98 % of it used, 0 × 429",
			map[string]string{gainsight: "TestQuotaIsSharedByProcesses", cmd: "TestProcessesShareTheRate TestQuotaIsUsedByProcesses"}, ""},
		{"R5", "a rejected row, exceptions with 500 included", "1 call",
			map[string]string{pipeline: "TestRefusedRowIsOneCall"}, ""},
		{"R6", "first 401", "at most the calls in flight after it; rows pending",
			map[string]string{pipeline: "TestKeyRevokedInMidRun"}, ""},
		{"R7", "failing writes, full disk, torn database", "no send after a failed intent; resume ends 0 and 0",
			map[string]string{pipeline: "TestJournalFails TestFullDiskAtEveryWrite", checkpoint: "TestNoIntentAfterFailedCommit TestTornBirthIsUndone TestLogIsCut",
				cmd: "TestFullDisk TestFullDiskWhileSettling"}, ""},
		{"R8", "mutated workbooks; sample files of other readers", "10,000: 0 silent row losses; same rows as an independent reader",
			map[string]string{readers: "TestMutatedSheets TestMutatedZips TestAgreesWithExcelize TestSamplesOfOtherProjects"},
			"independent readers: excelize, Papa Parse, csv-spectrum's own JSON"},
		{"R9", "export while goals are inserted and deleted between pages", "nothing that lasted is missing; no Gsid twice; unstable order: \"not proved\"",
			map[string]string{gainsight: "TestWalkMissesNothingWhileGoalsComeAndGo TestWalkOfAShufflingServerIsNotProved", cmd: "TestExportOfAnUnstableOrder"}, ""},
		{"R10", "classifier and state machine", "every branch covered; mutation score ≥ 85 %",
			map[string]string{".": "TestMutants"}, ""},
		{"S1", "key in any output, debug level and panics included", "0 hits",
			map[string]string{cmd: "TestKeyNeverLogged TestKeyInNoCrash", gainsight: "TestKeyIsNeverShown", emulator: "TestKeyNotInPanicOfHandler"},
			"the output and the files of every process of the tests are searched too"},
		{"S2", "redirects, 5 codes × same host, other host, https to http", "15 of 15 refused",
			map[string]string{gainsight: "TestRedirectsAreRefused"}, ""},
		{"S3", "formula escaping", "200,000 random cells: reversible, no trigger survives",
			map[string]string{writers: "TestGuardRandom"}, ""},
		{"S4", "bomb files", "20 refused, each in < 1 s and < 200 MB",
			map[string]string{readers: "TestBombs"}, ""},
		{"S5", "hostile text from server or file on a terminal", "no control or bidi character printed",
			map[string]string{cmd: "TestNothingHarmfulIsPrinted TestNeutral"}, ""},
		{"S6", "emulator and web page", "loopback only; foreign Host, Origin and form posts: 403",
			map[string]string{emulator: "TestForeignRequestsAreForbidden TestListenBindsLoopbackOnly"}, ""},
		{"S7", "files", "state and reports 0600 in 0700; no path outside the report folder; no symlink followed",
			map[string]string{checkpoint: "TestFilesArePrivate", writers: "TestCreateRefuses TestCommitRefusesALinkThatCameLater"}, ""},
	}
}

// proof is what the tests of one package said.
type proof struct {
	figures map[string][]string // by promise
	failed  map[string]bool     // tests
	replays []string
}

// TestPromises holds that every promise names tests that exist and stands in
// the README. With GSBATCH_PROMISES=all it runs them, prints the table and puts
// it into the README (make promises, make torture); with some of their names,
// as "R4 S1", those lines alone.
func TestPromises(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{}
	for _, p := range promises() {
		if measuring := os.Getenv("GSBATCH_PROMISES") != ""; !measuring && !strings.Contains(string(readme), "| "+p.id+" | "+p.what+" | "+p.target+" |") {
			t.Errorf("the README lacks promise %s as it stands here; run make promises", p.id)
		}
		for pkg, tests := range p.tests {
			if wanted(p) {
				names[pkg] = append(names[pkg], strings.Fields(tests)...)
			}
		}
	}
	for pkg, tests := range names {
		text := testsOf(t, pkg)
		for _, name := range tests {
			if !strings.Contains(text, "\nfunc "+name+"(t *testing.T)") {
				t.Errorf("package %s has no test %s", pkg, name)
			}
		}
	}
	if os.Getenv("GSBATCH_PROMISES") == "" {
		return
	}
	proofs := map[string]proof{}
	for pkg, tests := range names {
		proofs[pkg] = prove(t, pkg, tests)
	}
	rows := measured(t, proofs)
	if readme, err = os.ReadFile("README.md"); err != nil { // measuring took long
		t.Fatal(err)
	}
	intoReadme(t, string(readme), rows)
}

// wanted says whether a promise is to be measured; where nothing is, each is
// checked to be one that can be.
func wanted(p promise) bool {
	asked := os.Getenv("GSBATCH_PROMISES")
	return asked == "" || asked == "all" || slices.Contains(strings.Fields(asked), p.id)
}

// testsOf is the text of all test files of a package.
func testsOf(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// prove runs tests of a package and gathers their figures.
func prove(t *testing.T, pkg string, tests []string) proof {
	t.Helper()
	got := proof{map[string][]string{}, map[string]bool{}, nil}
	cmd := exec.Command("go", "test", "-json", "-count=1", "-timeout=0", "-run", "^("+strings.Join(tests, "|")+")$", "./"+pkg)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran, said := map[string]bool{}, map[string]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		test, _, _ := strings.Cut(event.Test, "/")
		ran[test] = true
		switch event.Action {
		case "fail":
			got.failed[test] = true
			fmt.Print(said[event.Test])
		case "pass":
			delete(said, event.Test)
		case "output":
			said[event.Test] += event.Output
			got.hear(event.Output)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("package %s: %v", pkg, err)
	}
	for _, name := range tests {
		if !ran[name] {
			got.failed[name] = true
		}
	}
	return got
}

// hear takes a figure or a seed out of a line of a test.
func (p *proof) hear(line string) {
	if _, said, found := strings.Cut(strings.TrimSpace(line), "promise "); found {
		id, figure, _ := strings.Cut(said, ": ")
		p.figures[id] = append(p.figures[id], figure)
	}
	if _, replay, found := strings.Cut(strings.TrimSpace(line), "once more: "); found {
		p.replays = append(p.replays, replay)
	}
}

// measured are the lines of the table with what the proofs say, by promise.
func measured(t *testing.T, proofs map[string]proof) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, p := range promises() {
		if !wanted(p) {
			continue
		}
		var figures, failed []string
		for pkg, tests := range p.tests {
			figures = append(figures, proofs[pkg].figures[p.id]...)
			for name := range strings.FieldsSeq(tests) {
				if proofs[pkg].failed[name] {
					failed = append(failed, name)
				}
			}
		}
		slices.Sort(figures)
		text := strings.Join(figures, "; ")
		if p.short != "" {
			text += " (" + p.short + ")"
		}
		if len(failed) > 0 || len(figures) == 0 {
			text = "**not kept**: " + strings.Join(failed, ", ") + " failed; " + text
			t.Errorf("promise %s is not kept: %v", p.id, failed)
		}
		rows[p.id] = fmt.Sprintf("| %s | %s | %s | %s |\n", p.id, p.what, p.target, text)
	}
	for _, proof := range proofs {
		for _, replay := range proof.replays {
			fmt.Println(replay)
		}
	}
	return rows
}

// intoReadme puts the lines that were measured into the table in the README,
// and prints it.
func intoReadme(t *testing.T, readme string, rows map[string]string) {
	t.Helper()
	const from, to = "<!-- make promises -->\n", "<!-- end -->"
	head, rest, found := strings.Cut(readme, from)
	_, tail, closed := strings.Cut(rest, to)
	if !found || !closed {
		t.Fatal("the README has no place for the table")
	}
	before, _, _ := strings.Cut(rest, to)
	table := "| # | what | figure to reach | measured |\n|---|---|---|---|\n"
	for _, p := range promises() {
		row := rows[p.id]
		for line := range strings.Lines(before) {
			if row == "" && strings.HasPrefix(line, "| "+p.id+" |") {
				row = line // of an earlier measuring
			}
		}
		table += row
	}
	fmt.Print(table)
	if err := os.WriteFile("README.md", []byte(head+from+"\n"+table+"\n"+to+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
