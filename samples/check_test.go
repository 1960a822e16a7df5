package samples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"gsbatch/emulator"
	"gsbatch/gainsight"
	"gsbatch/readers"
	"gsbatch/validate"
)

// picklists are those of the emulated tenant that the samples use.
func picklists() *gainsight.Picklists {
	gsid := func(n string) string { return "1I00" + strings.Repeat(n, 32) }
	return &gainsight.Picklists{
		GoalTypes: []gainsight.GoalType{{Gsid: gsid("A"), Name: "Default", Active: true}},
		Statuses: []gainsight.Status{
			{Gsid: gsid("1"), Name: "New", Active: true},
			{Gsid: gsid("2"), Name: "On Track", Active: true},
			{Gsid: gsid("3"), Name: "At Risk", Active: true},
			{Gsid: gsid("4"), Name: "Achieved", Active: true},
		},
		Metrics: []gainsight.Metric{{Gsid: gsid("M"), Name: "Seats in use", UnitOfMeasure: "DECIMAL", Active: true}},
	}
}

// check returns the problems of every row of a sample, by line, and those of
// its header at line 0.
func check(t *testing.T, path string, cfg validate.Config) map[int][]string {
	t.Helper()
	table, err := readers.Open(context.Background(), path, readers.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	cfg.Picklists = picklists()
	checker, err := validate.Compile(context.Background(), table, cfg)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int][]string{}
	add := func(problems []validate.Problem) {
		for _, p := range problems {
			codes[p.Line] = append(codes[p.Line], p.Code)
		}
	}
	add(checker.HeaderProblems())
	var op validate.Operation
	for row, err := range table.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		add(checker.Check(row, &op))
	}
	return codes
}

func idMap(t *testing.T) *validate.IDMap {
	t.Helper()
	ids, err := validate.ReadIDMap(context.Background(), "id-map.csv")
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestCleanSamplesHaveNoProblems(t *testing.T) {
	src, err := os.ReadFile("messy-mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := validate.LoadMapping("messy-mapping.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	for _, ids := range []*validate.IDMap{nil, idMap(t)} {
		if got := check(t, "goals.xlsx", validate.Config{IDs: ids}); len(got) != 0 {
			t.Errorf("goals.xlsx: %v", got)
		}
		if got := check(t, "messy.csv", validate.Config{IDs: ids, Mapping: mapping}); len(got) != 0 {
			t.Errorf("messy.csv: %v", got)
		}
	}
}

// TestEveryProblemIsFound holds that each row of problems.csv has exactly the
// problem that it is there for. Line 0 is the header.
func TestEveryProblemIsFound(t *testing.T) {
	want := map[int]string{
		0: "unknown-column", 3: "required", 4: "required", 5: "required", 6: "unknown-status", 7: "unknown-status",
		8: "excel-error", 9: "unknown-goal-type", 10: "unknown-entity", 11: "required", 12: "unknown-company",
		13: "impossible-date", 14: "not-a-date", 15: "ambiguous-date", 16: "implausible-date", 17: "bad-gsid",
		18: "gsid-prefix", 19: "bad-gsid", 20: "add-and-remove", 21: "duplicate", 22: "duplicate",
		23: "active-html", 24: "long-text", 25: "nothing-to-do",
		27: "outer-blanks", 28: "line-break", 29: "hidden-character", 30: "remove-in-create", 31: "not-a-number",
		32: "metric-without-timestamp", 33: "metric-without-value",
	}
	got := check(t, "problems.csv", validate.Config{IDs: idMap(t)})
	for line := range 34 {
		codes := slices.Compact(got[line])
		if want[line] == "" && len(codes) > 0 || want[line] != "" && !slices.Equal(codes, []string{want[line]}) {
			t.Errorf("line %d: got %q, want %q", line, codes, want[line])
		}
	}
}

// TestIDMapOfTheTenant asks the emulated tenant for each company's id.
func TestIDMapOfTheTenant(t *testing.T) {
	tenant, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tenant)
	defer func() {
		server.Close()
		if err := tenant.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows, _ := readTable(t, "id-map.csv")
	for _, row := range rows {
		if got := companyID(t, server.URL, row[1].Text); got != row[2].Text {
			t.Errorf("%s: the tenant says %q, id-map.csv %q", row[1].Text, got, row[2].Text)
		}
	}
}

// companyID creates a goal of a company and returns the id in the answer.
func companyID(t *testing.T, url, company string) string {
	t.Helper()
	name, err := json.Marshal(company)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"requests":[{"record":{"Name":"x","StatusName":"New","EntityType":"COMPANY","CompanyName":` + string(name) + `}}],` +
		`"lookups":{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company",` +
		`"multiMatchOption":"MARKASERROR","onNoMatch":"ERROR"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/csgoal/external/create", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("accesskey", emulator.DefaultAccessKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data struct {
			Goal struct{ CompanyId string }
		}
		Message string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Data.Goal.CompanyId == "" {
		t.Errorf("%s: %s: %s", company, resp.Status, answer.Message)
	}
	return answer.Data.Goal.CompanyId
}
