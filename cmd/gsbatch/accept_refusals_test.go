//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// refusalCase is a failure of the specification: what the server answers to a
// write, and the words that reach the user.
type refusalCase struct {
	name   string
	status int
	body   string
	args   []string // nil: import of a goal
	code   int
	says   []string // in the row's reason, its mend included
}

func refusalCases() []refusalCase {
	envelope := func(code, message string) string {
		return fmt.Sprintf(`{"result":false,"errorCode":%q,"errorDesc":null,"localizedErrorDesc":null,"requestId":"b3551543-82ce-4e7c-81a6-1d2fa3852d15","data":null,"message":%q,"localizedMessage":null,"errorInfo":null}`, code, message)
	}
	spring := func(message, path string) string {
		return fmt.Sprintf(`{"timestamp":1675399306376,"status":500,"error":"Internal Server Error","exception":"com.gainsight.cs.goal.exception.CSGoalException","message":%q,"path":%q}`, message, path)
	}
	cases := []refusalCase{
		{name: "invalid status", status: 500, body: spring("Invalid StatusName provided in request", "/csgoal/external/create"), code: 3,
			says: []string{"Invalid StatusName provided in request", "gsbatch export picklists"}},
		{name: "invalid gsid", status: 500, body: spring("Invalid Gsid provided in request", "/csgoal/external/update"), code: 3,
			says: []string{"Invalid Gsid", "correct the Gsid"}},
		{name: "failure without a code", status: 400, body: `{"result":false,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"b3551543-82ce-4e7c-81a6-1d2fa3852d15","data":null,"message":"Something is wrong b3551543-82ce-4e7c-81a6-1d2fa3852d15","localizedMessage":null,"errorInfo":null}`,
			code: 3, says: []string{"Something is wrong", "mend the row"}},
		{name: "unexpected error", status: 500, body: envelope("VC_1002", "Unexpected error processing update metric: {}"), code: 8,
			says: []string{"VC_1002", "after 3 calls without an answer"}},
		{name: "metric in use", status: 400, code: 3, args: []string{"delete", "metrics", "--id", "1I0056K976K5AXWOB1NB0L2GCSS77AMROJ8W", "--yes"},
			body: `{"result":false,"errorCode":"VC_8026","errorDesc":null,"localizedErrorDesc":null,"requestId":"a797130b-5b97-46eb-9c24-7e1062bc5c65","data":null,"message":"Metric is used in some goals or templates. Cannot delete the metric.","localizedMessage":null,"errorInfo":{"usageInLayouts":["Type1 rel goal type","CP Goal Type"],"usageInGoals":[{"gsid":"1CG0LXVS2HO4Y5ZF1FQZ4XVPN0VE1AJSZ415","name":"gggg"}],"hasUsage":true}}`,
			says: []string{`Used by 1 goal or template: "gggg" (1CG0LXVS2HO4Y5ZF1FQZ4XVPN0VE1AJSZ415)`, `"Type1 rel goal type", "CP Goal Type"`, "take the metric off them first"}},
		{name: "failure list", status: 200, args: []string{"import", "metrics.csv", "--object", "metrics"}, code: 3,
			body: `{"result":true,"requestId":"x","data":{"successList":[],"failureList":[{"record":{"name":"M"},"errorCode":"VC_8055","errorMessage":"name is taken"}]}}`,
			says: []string{"name is taken", "mend the row"}},
	}
	for code, about := range map[string][3]string{
		"8001": {"CTA_RECORD_EMPTY", "CTA set provided is empty", "leave the CTA cell blank"},
		"8002": {"SP_RECORD_EMPTY", "Success Plan set provided is empty", "leave the SP cell blank"},
		"8007": {"INVALID_PAGE_REQUEST", "Invalid page request", "smaller --page-size"},
		"8008": {"INVALID_LOOKUP_CONFIG", "Lookup Error", "--id-map"},
		"8009": {"INVALID_FIELD", "Invalid field in select clause", "API name"},
		"8010": {"INVALID_STATUS_NAME", "Invalid status name provided", "gsbatch export picklists"},
	} {
		for _, form := range []string{code, "VC_" + code} {
			cases = append(cases, refusalCase{name: form, status: 400, body: envelope(form, about[0]+": "+about[1]), code: 3, says: []string{about[1], about[2]}})
		}
	}
	return cases
}

// Every error code and failure body of the specification reaches the user as a
// sentence with row, reason and mend.
func TestRefusalsOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, c := range refusalCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.setenv("GSBATCH_SETTLE", "10ms")
			refusing(s, c.status, c.body)
			s.writeCSV("goals.csv", goalHeader(), goalRows("Refused", 1))
			s.writeCSV("metrics.csv", []string{"Name", "Unit"}, [][]string{{"M", "DECIMAL"}})
			args := c.args
			if args == nil {
				args = []string{"import", "goals.csv"}
			}
			r := s.run(c.code, args...)
			if c.code == 3 && !strings.Contains(r.stderr, "rejected: row 2: ") {
				t.Errorf("stderr names no row:\n%s", r.stderr)
			}
			reason := ""
			for _, one := range s.summaries() {
				reason += string(s.read(filepath.Join(one.dir, "results.csv")))
			}
			reason = strings.ReplaceAll(reason, `""`, `"`)
			for _, word := range c.says {
				if !strings.Contains(reason+r.stderr, word) {
					t.Errorf("reason %q and stderr lack %q:\n%s", reason, word, r.stderr)
				}
			}
		})
	}
}

// refusing serves the stage's tenant, but for writes, which all have one answer.
func refusing(s *stage, status int, body string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/fetch") || strings.HasSuffix(r.URL.Path, "/picklist") {
			s.tenant.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that is gone needs no answer
	}))
	s.Cleanup(server.Close)
	s.setenv("GSBATCH_BASE_URL", server.URL)
}
