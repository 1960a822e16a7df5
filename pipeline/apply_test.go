package pipeline

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// summed reads the statuses of rows as "created=3 pending=1".
func summed(rows []row) string {
	var counts checkpoint.Counts
	for _, r := range rows {
		*counts.Of(r.fate.Status)++
	}
	var parts []string
	for _, status := range []checkpoint.Status{checkpoint.Created, checkpoint.Updated, checkpoint.Unchanged, checkpoint.Rejected, checkpoint.Invalid,
		checkpoint.Skipped, checkpoint.Stale, checkpoint.InDoubt, checkpoint.Parked, checkpoint.Pending} {
		if n := *counts.Of(status); n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", status, n))
		}
	}
	return strings.Join(parts, " ")
}

// expect reads the run, closes it and holds it to sum and, where names are
// unique, to the truth.
func (s *stage) expect(run *checkpoint.Run, sum string) []row {
	s.Helper()
	rows := s.rows(run)
	if got := summed(rows); got != sum {
		s.Errorf("run %s: %s, want %s", run.Info().ID, got, sum)
	}
	return rows
}

// table reads a CSV report as rows of cells by column.
func (s *stage) table(path string) []map[string]string {
	s.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
	if err != nil {
		s.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range cells[1:] {
		row := map[string]string{}
		for i, name := range cells[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestPlanApplyReport(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	// Row 4 is refused by the tenant: no company of that name.
	text := creates(1, 2) + "goal 3,New,COMPANY,Nobody & Sons,x\n" + creates(4, 3)[len("Name,Status,Entity Type,Company,Description\n"):]
	plan := s.plan(d, text, planOptions{})
	defer s.closeRun(plan.Run)
	if !plan.Ready || plan.Creates != 6 || plan.Run.Info().State != checkpoint.Planned {
		t.Fatalf("plan %+v", plan)
	}
	out := s.mustApply(d, plan.Run, ApplyConfig{})
	if len(out.Stops) != 0 || out.Counts != (checkpoint.Counts{Rows: 6, Created: 5, Rejected: 1}) {
		t.Errorf("outcome %+v", out)
	}
	if want := map[string]int{"goals.create": 6, "picklists": out.Calls.ByEndpoint["picklists"]}; !cmp.Equal(want, out.Calls.ByEndpoint) {
		t.Errorf("calls %+v", out.Calls)
	}
	rows := s.expect(plan.Run, "created=5 rejected=1")
	s.truth(rows)
	s.intents("a", rows)
	info := plan.Run.Info()
	if info.State != checkpoint.Finished || info.Counts != out.Counts {
		t.Errorf("info %+v", info)
	}
	reported, err := Report(t.Context(), plan.Run, ReportConfig{Summary: Summary(info, "")})
	if err != nil || len(reported.Files) != 4 {
		t.Fatalf("files %v, %v", reported.Files, err)
	}
	results := s.table(filepath.Join(info.ReportDir, "results.csv"))
	for i, r := range rows {
		got := results[i]
		if got["Name"] != r.name || got["_status"] != string(r.fate.Status) || got["_gsid"] != r.fate.Gsid || got["_line"] != fmt.Sprint(i+2) || got["_run"] != "a" {
			t.Errorf("row %d of the report: %v, want %+v", i, got, r)
		}
	}
	errorRows := s.table(filepath.Join(info.ReportDir, "errors.csv"))
	if len(errorRows) != 1 || errorRows[0]["Name"] != "goal 3" || errorRows[0]["_reason"] == "" {
		t.Errorf("errors.csv: %v", errorRows)
	}
}

// Every fault of the tenant, on every kind of write: what is told is true, and
// only what may have been executed is in doubt.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		"drop_before": "in_doubt", "drop_after": "in_doubt", "500_before": "in_doubt", "500_after": "in_doubt",
		"502_before": "in_doubt", "502_after": "in_doubt", "503_before": "in_doubt", "503_after": "in_doubt",
		"slow": "in_doubt", "stall": "in_doubt", "late": "in_doubt", "cut": "in_doubt", "no_gsid": "in_doubt",
		"throttle": "", "unauthorized": "pending", "html": "pending", "failure_list": "rejected",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "slow.delay=900ms,late.delay=30ms")
			if fault == "slow" || fault == "stall" {
				s.timeout = 450 * time.Millisecond
			}
			d := s.desk()
			made := s.plan(d, creates(1, 3), planOptions{}).Run
			s.set("faults.on=create,next." + fault + "=1")
			out := s.mustApply(d, made, ApplyConfig{Workers: 1})
			s.faulted(made, out, want, checkpoint.Created)
			if out.Counts.Pending > 0 {
				s.mustApply(d, made, ApplyConfig{})
			}
			rows := s.rows(made)
			text := "Gsid,Description\n"
			for _, r := range rows {
				if r.fate.Status == checkpoint.Created {
					text += r.fate.Gsid + ",second\n"
				}
			}
			s.closeRun(made)
			changed := s.plan(d, text, planOptions{id: "b"}).Run
			s.set("faults.on=update,next." + fault + "=1")
			out = s.mustApply(d, changed, ApplyConfig{Workers: 1})
			s.faulted(changed, out, want, checkpoint.Updated)
			if out.Counts.Pending > 0 {
				s.mustApply(d, changed, ApplyConfig{})
			}
			updates := s.rows(changed)
			s.closeRun(changed)
			s.leave(d)
			s.end()
			s.truth(rows)
			s.updatesAreTrue(updates)
		})
	}
}

// faulted holds a run of one worker, whose first call had the fault, to what
// may be said of its first row; all others are done or, where the run ended, pending.
func (s *stage) faulted(run *checkpoint.Run, out Outcome, want string, done checkpoint.Status) {
	s.Helper()
	for i, r := range s.rows(run) {
		status := done
		switch {
		case want == "pending":
			status = checkpoint.Pending
		case want != "" && i == 0:
			status = checkpoint.Status(want)
		}
		if r.fate.Status != status {
			s.Errorf("row %d is %s (%s), want %s", i+1, r.fate.Status, r.fate.Reason, status)
		}
	}
	if (want == "pending") != (len(out.Stops) > 0) {
		s.Errorf("stops %+v", out.Stops)
	}
}

// updatesAreTrue holds updates to the second description to the tenant.
func (s *stage) updatesAreTrue(rows []row) {
	s.Helper()
	description := map[string]string{}
	for _, goals := range s.goals() {
		for _, g := range goals {
			description[g.Gsid] = g.Description
		}
	}
	for _, r := range rows {
		is := description[r.name] == "second"
		if r.fate.Status != checkpoint.InDoubt && is != (r.fate.Status == checkpoint.Updated) {
			s.Errorf("%s is told as %s, and its description is %q", r.name, r.fate.Status, description[r.name])
		}
	}
}

// After the server has refused names, rows with the same names are rejected
// without a call, those that waited for the quota included.
func TestRefusedNamesCostOneCall(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	text := "Name,Status,Entity Type,Company\n"
	for i := range 40 {
		company := "IBM"
		if i%2 == 0 {
			company = "Nobody & Sons"
		}
		text += fmt.Sprintf("goal %d,New,COMPANY,%s\n", i, company)
	}
	run := s.plan(d, text, planOptions{}).Run
	defer s.closeRun(run)
	out := s.mustApply(d, run, ApplyConfig{Workers: 1})
	rows := s.expect(run, "created=20 rejected=20")
	s.truth(rows)
	if out.Calls.ByEndpoint["goals.create"] != 21 {
		t.Errorf("%d calls for 20 rows and one refusal", out.Calls.ByEndpoint["goals.create"])
	}
	for _, r := range rows[1:] {
		if r.fate.Status == checkpoint.Rejected && r.line > 2 && (r.fate.Code != "name-refused" || r.fate.Attempts != 0 || !strings.Contains(r.fate.Reason, "row 2")) {
			t.Errorf("%s: %+v", r.name, r.fate)
		}
	}
}

// A row that waited for its slot while the answer came is not sent either.
func TestRefusedWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.limits = gainsight.Limits{Calls: 20, Window: time.Second} // one every 50 ms
	d := s.desk()
	defer s.leave(d)
	text := "Name,Status,Entity Type,Company\n"
	for i := range 12 {
		text += fmt.Sprintf("goal %d,New,COMPANY,Nobody & Sons\n", i)
	}
	run := s.plan(d, text, planOptions{}).Run
	defer s.closeRun(run)
	out := s.mustApply(d, run, ApplyConfig{Workers: 8})
	s.truth(s.expect(run, "rejected=12"))
	if n := out.Calls.ByEndpoint["goals.create"]; n > 3 {
		t.Errorf("%d calls for names that the first answer refused", n)
	}
}

// A report of a run whose journal cannot be summed up would tell rows that were
// sent as pending: there is none.
func TestNoReportOfWhatIsNotSummedUp(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 3), planOptions{}).Run
	defer s.closeRun(run)
	s.exec(s.runFile("a"), `CREATE TRIGGER broken BEFORE INSERT ON fates BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	out, err := s.apply(t.Context(), d, run, ApplyConfig{})
	if err == nil || out.Counts.Created != 3 {
		t.Errorf("apply: %+v, %v", out, err)
	}
	if reported, err := Report(t.Context(), run, ReportConfig{Summary: Summary(run.Info(), "")}); err == nil {
		t.Errorf("reports were written: %v", reported.Files)
	}
	s.exec(s.runFile("a"), `DROP TRIGGER broken`)
	if _, err := Report(t.Context(), run, ReportConfig{Summary: Summary(run.Info(), "")}); err != nil {
		t.Error(err)
	}
	for _, r := range s.table(filepath.Join(run.Info().ReportDir, "results.csv")) {
		if r["_status"] != "created" {
			t.Errorf("row %s is told as %s", r["_line"], r["_status"])
		}
	}
}

// A session that could not count its rows does not end the run.
func TestFinishOfWhatWasNotCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 3), planOptions{}).Run
	defer s.closeRun(run)
	if err := Finish(t.Context(), run, Outcome{Counts: checkpoint.Counts{Rows: 3}}, 11); err != nil {
		t.Fatal(err)
	}
	if info := run.Info(); info.State != checkpoint.Paused || info.Counts.Pending != 3 {
		t.Errorf("the run is %s, %+v", info.State, info.Counts)
	}
}

// A refused row costs one call, in either form of the tenant's refusals, the
// one of status 500 included.
func TestRefusedRowIsOneCall(t *testing.T) {
	t.Parallel()
	refused := 0
	for _, form := range []string{"samples", "table"} {
		s := newStage(t, "errors="+form)
		d := s.desk()
		text := "Name,Status,Entity Type,Company\n"
		for i := range 40 {
			company := "IBM"
			if i%2 == 1 {
				company = fmt.Sprintf("Nobody %d", i)
			}
			text += fmt.Sprintf("goal %d,New,COMPANY,%s\n", i, company)
		}
		run := s.plan(d, text, planOptions{}).Run
		s.mustApply(d, run, ApplyConfig{Settle: time.Second})
		for _, r := range s.expect(run, "created=20 rejected=20") {
			if arrived, _ := s.watch.of(r.name); arrived != 1 {
				t.Errorf("%s: %d calls for %s, %+v", form, arrived, r.name, r.fate)
			}
			if r.fate.Status == checkpoint.Rejected {
				refused++
			}
		}
		s.closeRun(run)
		s.leave(d)
	}
	t.Logf("promise R5: %d rejected rows, among them refusals of status 500: 1 call each", refused)
}
