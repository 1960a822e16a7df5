package writers

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReportBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.csv")
	r, err := NewReport(path, []string{"_run", "Name", "_line", "Größe", "=x"}, ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	res := Result{Run: "k3x9-0304", Line: 42, Action: "create", Status: "rejected", Field: "StatusName", Code: "VC_8010",
		Reason: "=Invalid, \"status\"", Attempts: 1, RequestID: "6ed304d6", At: "2025-03-04T10:30:00Z"}
	writeRow(t, r, []string{"old", "IBM", "7", "-5", "@a"}, res)
	writeRow(t, r, []string{"", "", "", "", ""}, Result{Run: "k3x9-0304", Line: 43, Status: "pending"})
	if err := r.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "\ufeffName,Größe,'=x,_run,_line,_action,_status,_gsid,_field,_code,_reason,_attempts,_request_id,_at\r\n"+
		"IBM,-5,'@a,k3x9-0304,42,create,rejected,,StatusName,VC_8010,\"'=Invalid, \"\"status\"\"\",1,6ed304d6,2025-03-04T10:30:00Z\r\n"+
		",,,k3x9-0304,43,,pending,,,,,0,,\r\n")
}

func TestReportWithDecision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in_doubt.csv")
	r, err := NewReport(path, []string{"Name", "_decision"}, ReportOptions{Decision: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	writeRow(t, r, []string{"a", "old"}, Result{Run: "r", Line: 2, Status: "in_doubt", Attempts: 1})
	if err := r.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "\ufeffName,_run,_line,_action,_status,_gsid,_field,_code,_reason,_attempts,_request_id,_at,_decision\r\n"+
		"a,r,2,,in_doubt,,,,,1,,,\r\n")
}

func TestReportAsWorkbook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.xlsx")
	r, err := NewReport(path, []string{"Id"}, ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	writeRow(t, r, []string{"007"}, Result{Run: "123", Line: 2, Status: "created", Attempts: 1, At: "x"})
	if err := r.Commit(); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"Id", "_run", "_line", "_action", "_status", "_gsid", "_field", "_code", "_reason", "_attempts", "_request_id", "_at"},
		{"007", "123", "2", "", "created", "", "", "", "", "1", "", "x"},
	}
	if diff := cmp.Diff(want, readSheet(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestReportRefusesAShortRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.csv")
	r, err := NewReport(path, []string{"a", "b"}, ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	if err := r.Write([]string{"1"}, Result{Line: 9}); err == nil || !strings.HasSuffix(err.Error(), "line 9 has 1 cells, the header 2") {
		t.Errorf("got %v", err)
	}
}

func TestReportKeepsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.csv")
	r, err := NewReport(path, nil, ReportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.Abort()
	if got := everything(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
	if err := r.Write(nil, Result{}); err == nil {
		t.Error("Write after Abort succeeded")
	}
}

func writeRow(t *testing.T, r *Report, cells []string, res Result) {
	t.Helper()
	if err := r.Write(cells, res); err != nil {
		t.Fatal(err)
	}
}

func TestSummaryBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	at := time.Date(2025, 3, 4, 12, 0, 0, 1, time.FixedZone("", 3600))
	s := Summary{Run: "k3x9-0304", Command: "import", Emulated: true, Tenant: "acme.gainsightcloud.com",
		Input:   Input{Path: "goals.xlsx", SHA256: "ab", Rows: 66},
		Counts:  Counts{Rows: 66, Created: 1, Updated: 2, Deleted: 3, Unchanged: 4, Rejected: 5, Invalid: 6, Skipped: 7, Stale: 8, InDoubt: 9, Parked: 10, Pending: 11},
		Calls:   Calls{Total: 20, Saved: 4, ByEndpoint: map[string]int{"update": 2, "create": 1}, Throttled: 1, Retried: 2},
		Seconds: 1.5, ExitCode: 7, ResumeAt: &at, Next: "gsbatch resume k3x9 && echo <done>"}
	if err := WriteSummary(path, s, FileOptions{}); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, `{
  "schema_version": 1,
  "run": "k3x9-0304",
  "command": "import",
  "emulated": true,
  "tenant": "acme.gainsightcloud.com",
  "input": {
    "path": "goals.xlsx",
    "sha256": "ab",
    "rows": 66
  },
  "counts": {
    "rows": 66,
    "created": 1,
    "updated": 2,
    "deleted": 3,
    "unchanged": 4,
    "rejected": 5,
    "invalid": 6,
    "skipped": 7,
    "stale": 8,
    "in_doubt": 9,
    "parked": 10,
    "pending": 11
  },
  "calls": {
    "total": 20,
    "saved": 4,
    "by_endpoint": {
      "create": 1,
      "update": 2
    },
    "throttled": 1,
    "retried": 2
  },
  "seconds": 1.5,
  "exit_code": 7,
  "resume_at": "2025-03-04T11:00:01Z",
  "next": "gsbatch resume k3x9 && echo <done>"
}
`)
}

func TestSummaryOfNothing(t *testing.T) {
	var b strings.Builder
	if err := EncodeSummary(&b, Summary{}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got["resume_at"] != nil || got["next"] != "" || !strings.Contains(b.String(), `"by_endpoint": {}`) {
		t.Errorf("got %s", b.String())
	}
}

func TestAccountingLaw(t *testing.T) {
	c := Counts{66, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	if c.Sum() != 66 {
		t.Errorf("the sum is %d", c.Sum())
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.Rows++
	path := filepath.Join(t.TempDir(), "summary.json")
	err := WriteSummary(path, Summary{Counts: c}, FileOptions{})
	if e := (*Error)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), "67 rows, but 66 ends of rows") {
		t.Errorf("got %v", err)
	}
	if got := everything(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

func BenchmarkReport(b *testing.B) {
	header := []string{"Gsid", "Name", "Status", "EntityType", "Company", "Due", "Description", "v", "x", "y", "CTA", "z"}
	row := []string{"1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2", "Adopt the new dashboard", "On Track", "COMPANY", "IBM",
		"2025-03-04", "<p>Three teams</p>", "-12.5", "", "", "a;b", "USD"}
	res := Result{Run: "k3x9-0304", Line: 123456, Action: "create", Status: "created", Gsid: row[0], Attempts: 1,
		RequestID: "6ed304d6-f1bf-4bb1-8650-410c1819ef14", At: "2025-03-04T10:30:00Z"}
	for _, own := range []int{0, len(header)} {
		b.Run(map[bool]string{true: "tagged", false: "whole"}[own == 0], func(b *testing.B) {
			b.ReportAllocs()
			r, err := NewReport(filepath.Join(b.TempDir(), "results.csv"), header[:own], ReportOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Abort()
			r.table.enc.(*csvTable).w = io.Discard
			for b.Loop() {
				if err := r.Write(row[:own], res); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
