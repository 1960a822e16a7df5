//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// growTemplates creates n goal templates in the tenant, in this process.
func (s *stage) growTemplates(prefix string, n int) {
	s.Helper()
	for i := range n {
		s.post("/v1/csgoal/external/template", fmt.Sprintf(`{"requests":[{"record":{"Name":"%s %06d","GoalTypeName":"Default","StatusName":"New","DueDate":%d}}]}`, prefix, i, i))
	}
}

// sampleTemplate is the request of "Template Create API" of the specification,
// without its comments.
const sampleTemplate = `{
    "requests": [
        {
            "record": {
                "Name": "Goal Template 1",
                "GoalTypeName": "Default",
                "StatusName": "Achieved",
                "DueDate": 2301,
                "Description": "Description of goal template",
                "CompName": "Meta",
                "cust_string_value__gc": "Facebook",
                "AssociatedWork":[
                    "1I005G22HP9QX1NRFCMFSKO6E6SA4ZP9ZQ4B"
                    ],
                "metricsAssociation": [
                    {
                        "metricId": "1I0056K976K5AXWOB1HPW54VIC18AHVJ1TTG"
                    }
                ]
            }
        }
    ],
    "lookups": {
        "comp_lookup_gsid__gc": {
            "fields": {
                "CompName": "Name"
            },
            "lookupField": "Gsid",
            "objectName": "company",
            "multiMatchOption": "FIRSTMATCH",
            "onNoMatch": "ERROR"
        }
    }
}`

func TestExportOfTemplates(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"bare", "envelope"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "template_fetch="+form)
			s.post("/v1/csgoal/external/template", sampleTemplate)
			got := s.exportOf("templates", 0, "-o", "all.csv", "--page-size", "4")
			if strings.Join(got.Columns, ",") != "Gsid,Name,StatusName,GoalTypeName,DueDate,Description,CurrencyIsoCode,CreatedDate,ModifiedDate,ModifiedById" ||
				got.Counts["rows"] != 9 || !got.Proved || got.Calls.ByEndpoint["templates.fetch"] < 3 || got.Calls.ByEndpoint["goals.fetch"] != 0 {
				t.Errorf("%+v", got)
			}
			all := s.csv(s.path("all.csv"))
			want := map[string]string{
				"barca_template": "On Track,Club Goals,0,,USD", "Goal Template to delete": "On Track,Default,,,USD",
				"Goal Template 1": "Achieved,Default,2301,Description of goal template,USD",
			}
			for i, row := range all.rows {
				if cells, ok := want[row[1]]; ok && strings.Join(row[2:7], ",") != cells || !strings.HasSuffix(all.cell(i, "ModifiedDate"), "Z") {
					t.Errorf("%q, want %s", row, cells)
				}
				delete(want, row[1])
			}
			if len(want) > 0 {
				t.Errorf("missing: %v", want)
			}
			s.exportOf("templates", 0, "-o", "some.jsonl", "--ids", "--select", "template name,Status,due days,+comp_lookup_gsid__gc,cust_string_value__gc",
				"--where", `Status IN (Achieved, "On Track") AND DueDate GTE 30 AND Name NE "Onboard in 90 days"`, "--sort", "DueDate:desc")
			lines := strings.Split(strings.TrimSpace(string(s.read(s.path("some.jsonl")))), "\n")
			if len(lines) != 2 {
				t.Fatalf("%q", lines)
			}
			var first map[string]any
			if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first["DueDate"] != 2301.0 || first["StatusId"] != "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z" ||
				first["cust_string_value__gc"] != "Facebook" || first["comp_lookup_gsid__gc"] != "1P029JPET0U4HYGEAU5VBVM5IZ9G6MFOG1OT" || len(first) != 6 {
				t.Errorf("%v: %s", err, lines[0])
			}
			s.exportOf("templates", 0, "-o", "all.xlsx")
			if r := s.run(0, "rows", "all.xlsx"); !strings.Contains(r.stdout, `"sheet":"Templates"`) || !strings.Contains(r.stdout, `2301`) {
				t.Errorf("rows %s", ends(r.stdout))
			}
		})
	}
}

func TestExportOfTemplatesGoesOnAndSinceLast(t *testing.T) {
	t.Parallel()
	s := newStage(t, "skew=-2h")
	s.growTemplates("Old", 900)
	s.set("skew=0s,latency=60ms")
	args := []string{"-o", "out.csv", "--page-size", "100", "--since", "last"}
	fetches := func() int { return s.tenant.State().Calls.ByEndpoint["template_fetch"] }
	p := s.start(append([]string{"export", "templates"}, args...)...)
	s.until("5 pages", func() bool { return fetches() >= 5 })
	p.signal(syscall.SIGINT)
	if r := s.want(130, p); !strings.Contains(r.stderr, " templates are kept for a day") {
		t.Errorf("stderr %s", r.stderr)
	}
	s.absent("out*")
	s.set("latency=0s")
	before := fetches()
	got := s.exportOf("templates", 0, args...)
	if calls := fetches() - before; got.Counts["read_before"] < 300 || calls > 8 || got.Counts["rows"] != 908 || !got.Proved {
		t.Errorf("%d fetches after %+v", calls, got)
	}
	s.exportOf("templates", 0, "-o", "whole.csv", "--page-size", "100", "--again")
	if !bytes.Equal(s.read(s.path("out.csv")), s.read(s.path("whole.csv"))) {
		t.Error("the export that went on differs from one that was not disturbed")
	}
	s.growTemplates("New", 2)
	if got := s.exportOf("templates", 0, args...); got.Counts["rows"] != 2 || got.Filter.Since == "" {
		t.Errorf("%+v", got)
	}
	if got := s.export(0, "-o", "out.csv", "--since", "last"); got.Filter.Since != "" {
		t.Errorf("goals have no export of their own yet: %+v", got)
	}
}

func TestExportOfMetrics(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"list", "map"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "ambiguous=on,picklist.metrics="+form)
			s.post("/csgoal/external/metric/", `{"requests":[{"record":{"name":"=Seats; sold","unitOfMeasure":"DECIMAL","description":"<p>description</p>"},
				"associateGoalTypes":["1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB"],"associateGoalTypeNames":["CP Goal Type"]}]}`)
			got := s.exportOf("metrics", 0, "-o", "metrics.csv")
			if strings.Join(got.Columns, ",") != "gsid,name,unitOfMeasure,description,associateGoalTypeNames,active" || got.Counts["rows"] != 15 || !got.Proved ||
				got.Calls.Total != 2 || got.Calls.ByEndpoint["picklists"] != 2 {
				t.Errorf("%+v", got)
			}
			table := s.csv(s.path("metrics.csv"))
			found := false
			for _, row := range table.rows {
				switch row[1] {
				case "'=Seats; sold":
					found = true
					if strings.Join(row[2:], ",") != "DECIMAL,<p>description</p>,Customer Outcome;CP Goal Type,true" {
						t.Errorf("%q", row)
					}
				case "Seats in use": // two types are called Adoption
					if !strings.HasPrefix(row[4], "Default;1I00IE2UQ6T0PEWO4ISK315WMP3KOZQWS51G;Onboarding;") {
						t.Errorf("%q", row)
					}
				}
			}
			if !found {
				t.Errorf("%q", table.rows)
			}
			s.exportOf("metrics", 0, "-o", "ids.jsonl.gz", "--ids", "--format", "jsonl")
			if r := s.run(0, "rows", "ids.jsonl.gz"); !strings.Contains(r.stdout, "1I00GO4Q83RGDEM94YM7VTGXMVT1E1JLKNQB;1I00") || !strings.Contains(r.stdout, `"associateGoalTypes"`) {
				t.Errorf("rows %s", ends(r.stdout))
			}
			if r := s.run(0, "export", "metrics", "-o", "-"); !strings.HasPrefix(r.stdout, "gsid,name,") || !strings.Contains(r.stderr, "15 metrics\n") {
				t.Errorf("%s%s", ends(r.stdout), r.stderr)
			}
		})
	}
}

func TestExportOfObjectsThatIsAskedForWrongly(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	for _, c := range []struct{ args, says []string }{
		{[]string{"templates", "--select", "Name,CTA"}, []string{"templates have no CTA", "only goals have one"}},
		{[]string{"templates", "--select", "AssociatedWork"}, []string{"no field AssociatedWork", "fetch templates", "leave it out"}},
		{[]string{"templates", "--where", "Company EQ IBM"}, []string{"--where: templates have no CompanyName"}},
		{[]string{"templates", "--where", "DueDate GT 2026-01-31"}, []string{"no number of days", "as 30"}},
		{[]string{"templates", "--where", "Status EQ Nwe"}, []string{`closest: "New"`}},
		{[]string{"templates", "--sort", "EntityType"}, []string{"--sort"}},
		{[]string{"templates", "--id-map", "ids.csv"}, []string{"--id-map says nothing about templates"}},
		{[]string{"metrics", "--where", "name EQ x"}, []string{"--where says nothing about metrics", "no call of the API fetches them", "leave it out"}},
		{[]string{"metrics", "--since", "last"}, []string{"--since says nothing about metrics"}},
		{[]string{"metrics", "--page-size", "10"}, []string{"--page-size says nothing about metrics"}},
		{[]string{"metrics", "--select", "name"}, []string{"--select says nothing about metrics"}},
		{[]string{"metrics", "--sort", "name"}, []string{"--sort says nothing about metrics"}},
		{[]string{"metrics", "--again"}, []string{"--again says nothing about metrics"}},
		{[]string{"picklists", "--ids"}, []string{"--ids says nothing about picklists"}},
	} {
		s.oneLine(s.run(2, append([]string{"export", "-o", "x.csv"}, c.args...)...), c.says...)
	}
	s.absent("x*")
	// Settings are for all exports: what does not concern an object is left alone.
	s.writeFile("gsbatch.yaml", []byte("select: +Nothing__gc,+SP,+cust_number__gc\nid_map: none.csv\n"))
	if got := s.exportOf("templates", 0, "-o", "x.csv"); strings.Join(got.Dropped, "") != "Nothing__gc" || !strings.HasSuffix(strings.Join(got.Columns, ","), "ModifiedById,cust_number__gc") || got.Counts["rows"] != 8 {
		t.Errorf("%+v", got)
	}
	if got := s.exportOf("metrics", 0, "-o", "y.csv"); got.Counts["rows"] != 14 {
		t.Errorf("%+v", got)
	}
}
