//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// grow creates n goals in the tenant, in this process.
func (s *stage) grow(prefix string, n int) {
	s.Helper()
	for i := range n {
		body := fmt.Sprintf(`{"requests":[{"record":{"Name":"%s %06d","StatusName":"New","GoalTypeName":"Default","EntityType":"COMPANY","CompanyId":"1P0275DAZIB1U41FWUD895S0FG38OCPH697T","DueDate":"2027-05-17","Description":"what is to be reached by goal %d"}}]}`, prefix, i, i)
		s.post("/v1/csgoal/external/create", body)
	}
}

// post makes a call of the tenant, in this process, that creates one record.
func (s *stage) post(path, body string) {
	s.Helper()
	r := httptest.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	r.Header.Set("accesskey", secretKey)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.tenant.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(strings.ToLower(w.Body.String()), `"gsid"`) {
		s.Fatalf("%s: HTTP %d %s", body, w.Code, w.Body)
	}
}

func (s *stage) set(switches string) {
	s.Helper()
	if err := s.tenant.Set(switches); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) fetches() int { return s.tenant.State().Calls.ByEndpoint["goal_fetch"] }

// account of an export, read on its own terms.
type exportAccount struct {
	SchemaVersion int      `json:"schema_version"`
	Object        string   `json:"object"`
	Tenant        string   `json:"tenant"`
	Started       string   `json:"started_at"`
	Columns       []string `json:"columns"`
	Dropped       []string `json:"dropped_fields"`
	Filter        struct {
		Where, Since string
	} `json:"filter"`
	Counts map[string]int `json:"counts"`
	Calls  struct {
		Total      int            `json:"total"`
		ByEndpoint map[string]int `json:"by_endpoint"`
	} `json:"calls"`
	Proved bool `json:"proved"`
	Files  []struct {
		Path   string `json:"path"`
		Rows   int    `json:"rows"`
		Bytes  int    `json:"bytes"`
		SHA256 string `json:"sha256"`
	} `json:"files"`
	ExitCode int `json:"exit_code"`
}

// export is exportOf goals.
func (s *stage) export(code int, args ...string) exportAccount {
	s.Helper()
	return s.exportOf("goals", code, args...)
}

// exportOf runs gsbatch export with --json and checks the files that it names.
func (s *stage) exportOf(object string, code int, args ...string) exportAccount {
	s.Helper()
	r := s.run(code, append([]string{"export", object, "--json"}, args...)...)
	var got exportAccount
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.SchemaVersion != 1 || got.ExitCode != code || got.Object != object {
		s.Fatalf("%v: %s\n%s", err, r.stdout, r.stderr)
	}
	for _, file := range got.Files {
		text := s.read(s.path(file.Path))
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != file.SHA256 || len(text) != file.Bytes {
			s.Errorf("%s: the sum of the account is not that of the file", file.Path)
		}
		if info, err := os.Stat(s.path(file.Path)); err != nil || info.Mode().Perm() != 0o600 {
			s.Errorf("%s: %v, %v", file.Path, info.Mode(), err)
		}
	}
	return got
}

// absent wants no file of a pattern, temporary ones included.
func (s *stage) absent(patterns ...string) {
	s.Helper()
	for _, pattern := range append(patterns, ".gsbatch-*") {
		if found, err := filepath.Glob(s.path(pattern)); err != nil || len(found) > 0 {
			s.Errorf("%v, %v", found, err)
		}
	}
}

func TestExportIsImportedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Round", 60))
	s.run(0, "import", "goals.csv")
	writes := s.writes()
	for _, name := range []string{"out.csv", "out.xlsx", "sub/out.jsonl", "out.csv.gz"} {
		got := s.export(0, "-o", name, "--where", `Name STARTS_WITH "Round" AND (StatusName IN (New, "On Track") OR Status EQ Achieved)`)
		if got.Counts["rows"] != 45 || got.Files[0].Rows != 45 || got.Calls.ByEndpoint["picklists"] != 2 || got.Calls.Total != 2+got.Calls.ByEndpoint["goals.fetch"] {
			t.Errorf("%+v", got)
		}
		if strings.Join(got.Columns, ",") != "Gsid,Name,StatusName,GoalTypeName,EntityType,CompanyId,CompanyName,RelationshipId,OpportunityId,DueDate,Description,CreatedDate,ModifiedDate,CreatedById,ModifiedById,CTA,SP" {
			t.Errorf("columns %q", got.Columns)
		}
		var kept exportAccount
		if err := json.Unmarshal(s.read(s.path(name+".manifest.json")), &kept); err != nil || kept.Started != got.Started || kept.Files[0].SHA256 != got.Files[0].SHA256 {
			t.Errorf("the manifest is %+v, %v", kept, err)
		}
		if r := s.run(0, "validate", name); !strings.Contains(r.stdout, "45 rows: 45 valid\n") {
			t.Errorf("%s: %s%s", name, r.stdout, r.stderr)
		}
	}
	names := s.csv(s.path("out.csv"))
	for i := range names.rows {
		if names.cell(i, "CompanyName") == "" { // the import made them known
			t.Errorf("row %d has no CompanyName", i)
		}
	}
	ids := s.export(0, "-o", "ids.csv", "--ids", "--select", "Name,Status,cta", "--split-rows", "50")
	if len(ids.Files) != 2 || strings.Join(ids.Columns, ",") != "Gsid,Name,StatusId,CTA,SP" {
		t.Errorf("%+v", ids)
	}
	if r := s.run(0, "export", "goals", "-o", "ids.csv", "--split-rows", "100"); !strings.Contains(r.stderr, "ids-002.csv is of an earlier export") {
		t.Errorf("stderr %s", r.stderr)
	}
	if got := s.export(0, "-o", "ibm.csv", "--where", "Company EQ IBM AND Name STARTS_WITH Round"); got.Counts["rows"] != 8 {
		t.Errorf("of a company that an import made known: %+v", got.Counts)
	}
	if r := s.run(0, "export", "goals", "-o", "-", "--format", "jsonl", "--sort", "Name:desc", "--where", "Name CONTAINS 'round 0000'"); !strings.HasPrefix(r.stdout, `{"Gsid":`) ||
		!strings.Contains(strings.SplitN(r.stdout, "\n", 2)[0], "Round 00009") || strings.Count(r.stdout, "\n") != 9 {
		t.Errorf("stdout %s", ends(r.stdout))
	}
	if r := s.run(0, "export", "picklists", "-o", "-"); !strings.Contains(r.stdout, "GOAL_STATUS,1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN,New,New,true,") {
		t.Errorf("stdout %s", ends(r.stdout))
	}
	if s.writes() != writes {
		t.Errorf("%d write calls", s.writes()-writes)
	}
}

func TestExportGoesOn(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGKILL: -1, syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.grow("Broken", 3000)
			s.set("latency=60ms")
			args := []string{"-o", "out.csv", "--page-size", "200"}
			p := s.start(append([]string{"export", "goals"}, args...)...)
			s.until("8 pages", func() bool { return s.fetches() >= 8 })
			p.signal(sig)
			s.want(code, p)
			s.absent("out*")
			s.set("latency=0s")
			before := s.fetches()
			got := s.export(0, args...)
			if calls := s.fetches() - before; got.Counts["read_before"] < 1000 || calls > 11 || got.Counts["rows"] != 3006 || !got.Proved {
				t.Errorf("%d fetches after %+v", calls, got)
			}
			s.export(0, "-o", "whole.csv", "--page-size", "200", "--again")
			if !bytes.Equal(s.read(s.path("out.csv")), s.read(s.path("whole.csv"))) {
				t.Error("the export that went on differs from one that was not disturbed")
			}
			left, err := filepath.Glob(s.path("state/exports/*.jsonl"))
			if err != nil || len(left) > 0 {
				t.Errorf("left in the state folder: %v, %v", left, err)
			}
		})
	}
}

// Where the order changes between pages nothing can be proved, and it is said.
func TestExportOfAnUnstableOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t, "order=unstable")
	s.grow("Unstable", 600)
	if got := s.export(0, "-o", "out.csv", "--page-size", "100"); got.Proved || got.Counts["rows"] < 500 {
		t.Errorf("%+v", got)
	}
	if r := s.run(0, "export", "goals", "-o", "again.csv", "--page-size", "100"); !strings.Contains(r.stdout, "not proved to be all: ") {
		t.Errorf("stdout %s", r.stdout)
	}
	if got := s.export(0, "-o", "out.csv"); !got.Proved || got.Counts["rows"] != 606 {
		t.Errorf("in one page: %+v", got)
	}
}

// A failed export changes no file and moves no watermark.
func TestExportSinceLast(t *testing.T) {
	t.Parallel()
	s := newStage(t, "skew=-2h")
	s.grow("Old", 5)
	s.set("skew=0s")
	args := []string{"-o", "new-{date}.csv", "--where", `Name STARTS_WITH "Old" OR Name STARTS_WITH "New"`, "--since", "last"}
	if got := s.export(0, args...); got.Counts["rows"] != 5 || got.Filter.Since != "" || strings.Contains(got.Files[0].Path, "{") {
		t.Errorf("%+v", got)
	}
	s.grow("New", 2)
	s.set("fault.500_before=1,faults.on=fetch")
	s.oneLine(s.run(6, append([]string{"export", "goals"}, args...)...), "fetch goals")
	s.set("fault.500_before=0")
	if got := s.export(0, args...); got.Counts["rows"] != 2 || got.Filter.Since == "" {
		t.Errorf("%+v", got)
	}
	other := append([]string{"--select", "Name"}, args...)
	other[3] = "other.csv"
	if got := s.export(0, other...); got.Counts["rows"] != 7 {
		t.Errorf("of another target: %+v", got)
	}
	if got := s.export(0, "-o", "since.csv", "--since", "2020-01-01"); got.Counts["rows"] < 7 {
		t.Errorf("since a date: %+v", got)
	}
	for _, c := range []struct {
		how  string
		code int
	}{{"fail", 12}, {"skip", 0}} {
		got := s.export(c.code, "-o", c.how+".csv", "--where", "Name EQ nothing", "--if-empty", c.how)
		if len(got.Files) > 0 {
			t.Errorf("%+v", got)
		}
		s.absent(c.how + ".csv*")
	}
	if got := s.export(0, "-o", "none.xlsx", "--where", "Name EQ nothing"); got.Counts["rows"] != 0 || len(got.Files) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestExportThatIsAskedForWrongly(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.grow("One", 1)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"gaols", "-o", "x.csv"}, []string{`"gaols" is no object that can be exported`, "goals, templates, metrics, picklists"}},
		{[]string{"goals"}, []string{"no file to write to", "-o"}},
		{[]string{"goals", "-o", "x.txt"}, []string{"x.txt: unknown table format"}},
		{[]string{"goals", "-o", "-", "--json"}, []string{"both want standard output"}},
		{[]string{"goals", "-o", "x.csv", "--format", "xlsx"}, []string{"different things"}},
		{[]string{"goals", "-o", "x.csv", "--where", "Status EQ"}, []string{"--where: a value is wanted here"}},
		{[]string{"goals", "-o", "x.csv", "--where", "Status EQ Nwe"}, []string{`closest: "New"`}},
		{[]string{"goals", "-o", "x.csv", "--where", "Company EQ IBM"}, []string{"--id-map"}},
		{[]string{"goals", "-o", "x.csv", "--select", "Nmae"}, []string{"did you mean Name?"}},
		{[]string{"goals", "-o", "x.csv", "--select", "Name,Nothing__gc"}, []string{"no field Nothing__gc", "leave it out"}},
		{[]string{"goals", "-o", "x.csv", "--where", "Nothing__gc EQ 1"}, []string{"Nothing__gc", "--where"}},
		{[]string{"goals", "-o", "x.csv", "--since", "yesterday"}, []string{"yesterday"}},
		{[]string{"goals", "-o", "x.csv", "--sort", "TemplateId"}, []string{"--sort"}},
		{[]string{"goals", "-o", "x.csv", "--page-size", "-1"}, []string{"--page-size"}},
		{[]string{"picklists", "-o", "x.csv", "--where", "Name EQ 1"}, []string{"--where", "picklists"}},
	} {
		s.oneLine(s.run(2, append([]string{"export"}, c.args...)...), c.says...)
	}
	s.absent("x*")
	calls := s.tenant.State().Calls.Total
	s.writeFile("file", nil)
	s.oneLine(s.run(11, "export", "goals", "-o", "file/x.csv"), "file/x.csv: create")
	if err := os.Symlink("file", s.path("link.csv")); err != nil {
		t.Fatal(err)
	}
	s.oneLine(s.run(11, "export", "goals", "-o", "link.csv"), "symbolic link")
	if n := s.tenant.State().Calls.Total; n != calls {
		t.Errorf("%d calls for files that cannot be written", n-calls)
	}
	r := s.run(2, "export", "goals", "-o", "x.csv", "--where", `Name EQ "é" AND Status EQ Nwe`)
	if !strings.HasSuffix(r.stderr, "\n  Name EQ \"é\" AND Status EQ Nwe\n"+strings.Repeat(" ", 28)+"^\n") {
		t.Errorf("no caret at the place:\n%s", r.stderr)
	}
	// Configured, not asked for by name: left out with a warning.
	s.writeFile("gsbatch.yaml", []byte("select: +Nothing__gc,+cust_number__gc\n"))
	got := s.export(0, "-o", "x.csv")
	if strings.Join(got.Dropped, "") != "Nothing__gc" || !strings.Contains(strings.Join(got.Columns, " "), "cust_number__gc") {
		t.Errorf("%+v", got)
	}
}
