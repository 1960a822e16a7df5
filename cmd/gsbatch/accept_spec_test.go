//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// specSample is a sample request of the specification and the spreadsheet row
// that makes it.
type specSample struct {
	sample string   // in ../../emulator/testdata/spec
	args   []string // but for the file
	rows   string   // CSV; "": the command takes no file
	mapped string   // a mapping file
	edit   func(string) string
}

func specSamples() []specSample {
	named := "version: 1\ncolumns:\n  Status: {field: StatusName, send: name}\n"
	company := "  Comp: {field: comp_lookup_gsid__gc, lookup: {object: company, key: CompName}}\n"
	return []specSample{
		{sample: "goal_create_1", rows: "Name,Status,Due Date,Description,Company,cf_picklist__gc,Entity Type,CTA,SP\n" +
			"create_test1,New,2022-12-21,<p><br>Desc 7</p>,IBM,CISCO,COMPANY,1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J;1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC,1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B\n",
			mapped: named},
		{sample: "goal_create_2", rows: "Name,Goal Type Id,Status Id,Due,Description,Company,Comp,cust_string_value__gc,Entity,Associated Work,CTA,SP," +
			"metric.1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ.baseValue,metric.Sample metric 4.targetValue,metric.Sample metric 4.actualValue,metric.Sample metric 4.timestamp\n" +
			"Custom Goal 1,1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB,1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z,2025-01-07,Feb Test Description ,IBM,NEW,custom value,global,1I005G22HP9QX1NRFCZYV81Y6QHH30TMXP49; 1I005G22HP9QX1NRFC4O3YXDHJ7BZDIAOE4M," +
			"1S015065Y1L4AP5SUXPXKGDH9S0CAT75F3CY;1S015065Y1L4AP5SUXAN0N0MYVAFR66HRNQR,1S02JJSBDT2ZT78W7NMT0VBJP3QF725QD8RC;1S02JJSBDT2ZT78W7N3SX0J712OA8HOTBSQ7,10.0,8.0,5.0,2025-01-04\n",
			mapped: "version: 1\ncolumns:\n" + company},
		{sample: "goal_update_1", rows: "Name,Status,Due Date,Description,GSID,CTA Remove,SP Remove\n" +
			"CG15,On Track,2022-12-24,<p><br>Updated Desc</p>,1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9,1S010R2NEBJLG2RT8IP6XWLYWZDDAVCXEK5J;1S010R2NEBJLG2RT8I19P44KW9MBT5QG6NBC,1S02J57N1K69N1VBJKLIBNH5YIJBBWEUOK4B\n",
			mapped: named},
		{sample: "goal_update_2", rows: "Gsid,Name,StatusId,DueDate,Description,Comp,cust_string_value__gc,CTA,SP,CTA Remove,SP Remove," +
			"metric.Sample metric 2.baseValue,metric.Sample metric 2.targetValue,metric.Sample metric 2.actualValue,metric.Sample metric 2.timestamp,metric.Sample metric 3.remove\n" +
			"1CG0LXVS2HO4Y5ZF1F6TV4R7ZV0ZO6MPG6S1,Goal Template Name: Updated,1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBYT,2025-01-31, Feb : Update 1,NEW, Feb ujjwal  custom value - updated," +
			"1S015065Y1L4AP5SUXV96R83SMQ523UNWRXP,1S02JJSBDT2ZT78W7N3V2OYXMWCH2B720L51,1S015065Y1L4AP5SUXO3AX169IGVLKKJ5N7R,1S02JJSBDT2ZT78W7N326U5W640ZRK54GLAT,10.0,8.0,8.0,2025-01-10,yes\n",
			mapped: "version: 1\ncolumns:\n" + company,
			// The sample associates and dissociates one metric at once, which no row may.
			edit: func(s string) string {
				return strings.Replace(s, `"metricsDissociation": [
          "1I0056K976K5AXWOB1KBHCAG860QZ6E3JG52",`, `"metricsDissociation": [`, 1)
			}},
		{sample: "template_create", args: []string{"--object", "templates"}, rows: "Template Name,Goal Type,Status,Due Days,Description,Comp,cust_string_value__gc,Associated Work,Metrics\n" +
			"Goal Template 1,Default,Achieved,2301,Description of goal template,Meta,Facebook,1I005G22HP9QX1NRFCMFSKO6E6SA4ZP9ZQ4B,Sample metric 1\n",
			mapped: "version: 1\nobject: templates\ncolumns:\n  Goal Type: {field: GoalTypeName, send: name}\n  Status: {field: StatusName, send: name}\n" + company},
		{sample: "template_update", args: []string{"--object", "templates"}, rows: "Gsid,Name,Due,StatusId,Description,Comp,cust_string_value__gc,Associated Work,Metrics,Metrics Remove\n" +
			"1CG01SX5TCMHZ0OXX0XMV01B68HZR4B6W7AX,Goal Template Name - updated,25,1I005IUOFEZ24SJ62Z3MB2HWTSSQNX9MCSTB,Updated All fields,NEW,custom value - updated,1I005G22HP9QX1NRFC58NVMRDRVLJE52KR1J;1I005G22HP9QX1NRFC1AC0T2UHHYDO6ABJWO,Sample metric 2,Sample metric 3\n",
			mapped: "version: 1\nobject: templates\ncolumns:\n" + strings.Replace(company, "CompName", "CompNameGsid", 1)},
		{sample: "metric_create", args: []string{"--object", "metrics"}, rows: "Metric Name,Unit,Description,associateGoalTypes,Goal Types\n" +
			"Metric Name 1,DECIMAL,<p>description</p>,1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB,CP Goal Type\n",
			mapped: "version: 1\nobject: metrics\ncolumns:\n  Goal Types: {field: associateGoalTypeNames, send: name}\n"},
		{sample: "metric_update", args: []string{"--object", "metrics"}, rows: "gsid,name,unitOfMeasure,description,associateGoalTypes,Goal Types,dissociateGoalTypes,Goal Types Remove\n" +
			"1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ,Metric Name 1 - updated,PERCENTAGE,Updated description,1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII,CG4,1I00GO4Q83RGDEM94Y93I859J3I3KEZXZZF2,CG1\n",
			mapped: "version: 1\nobject: metrics\ncolumns:\n  Goal Types: {field: associateGoalTypeNames, send: name}\n  Goal Types Remove: {field: dissociateGoalTypeNames, send: name}\n"},
		{sample: "template_delete", args: []string{"delete", "templates", "--id", "1CG01SX5TCMHZ0OXX0750YQUGDZ3WPZ50KBY", "--yes"}},
		{sample: "metric_delete", args: []string{"delete", "metrics", "--id", "1I0056K976K5AXWOB1NB0L2GCSS77AMROJ8W", "--yes"}},
		{sample: "goal_fetch_1", args: []string{"export", "goals", "--ids", "--select", "CompanyId,Name,RelationshipId,OpportunityId,Gsid", "--where", `Name EQ "CGnew"`, "--page-size", "100", "-o", "out.csv"}},
		{sample: "goal_fetch_2", args: []string{"export", "goals", "--ids", "--select", "Name,Gsid,StatusId,cust_string_value__gc,CurrencyIsoCode", "--where", `Name STARTS_WITH "barca" AND Name CONTAINS "b"`, "--page-size", "10", "-o", "out.csv"}},
		{sample: "template_fetch", args: []string{"export", "templates", "--ids", "--select", "Name,Gsid,StatusId,cust_string_value__gc,CurrencyIsoCode", "--where", `Name STARTS_WITH "barca" AND Name CONTAINS "b"`, "--page-size", "10", "-o", "out.csv"}},
	}
}

// recorder is a tenant that keeps the bodies of requests.
type recorder struct {
	mu     sync.Mutex
	bodies [][]byte
}

func (r *recorder) serve(s *stage) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			s.Error(err)
		}
		r.mu.Lock()
		r.bodies = append(r.bodies, body)
		r.mu.Unlock()
		req.Body = io.NopCloser(bytes.NewReader(body))
		s.tenant.ServeHTTP(w, req)
	}))
	s.Cleanup(server.Close)
	s.setenv("GSBATCH_BASE_URL", server.URL)
}

// has says whether a request had that body, as JSON.
func (r *recorder) has(want []byte) (found bool, nearest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.bodies {
		var a, b any
		if json.Unmarshal(want, &a) != nil || json.Unmarshal(body, &b) != nil {
			continue
		}
		diff := cmp.Diff(a, b)
		if diff == "" {
			return true, ""
		}
		if nearest == "" || len(diff) < len(nearest) {
			nearest = diff
		}
	}
	return false, nearest
}

// Every sample request of the specification can be made from a row, or by a
// command, and arrives as it stands there.
func TestSampleRequestsOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, c := range specSamples() {
		t.Run(c.sample, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			var seen recorder
			seen.serve(s)
			args := c.args
			if c.rows != "" {
				s.writeFile("rows.csv", []byte(c.rows))
				args = append([]string{"import", "rows.csv", "--multi-match", "first", "--diff", "never"}, args...)
			}
			if c.mapped != "" {
				s.writeFile("map.yaml", []byte(c.mapped))
				args = append(args, "--map", "map.yaml")
			}
			s.run(0, args...)
			raw, err := os.ReadFile("../../emulator/testdata/spec/" + c.sample + ".request.json")
			if err != nil {
				t.Fatal(err)
			}
			want := string(raw)
			if c.edit != nil {
				if want = c.edit(want); want == string(raw) {
					t.Fatal("the sample was not edited")
				}
			}
			if found, nearest := seen.has([]byte(want)); !found {
				t.Errorf("no request is the sample's; the nearest (-sample +request):\n%s", nearest)
			}
		})
	}
}
