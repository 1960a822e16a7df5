//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// recordFile writes a file of n templates or metrics named prefix 00001 ….
func (s *stage) recordFile(object, prefix string, n int) string {
	header, rows := []string{"Name", "Unit", "Goal Types"}, [][]string(nil)
	if object == "templates" {
		header = []string{"Name", "Status", "Goal Type", "Due Days"}
	}
	for i := range n {
		name := fmt.Sprintf("%s %05d", prefix, i+1)
		if object == "templates" {
			rows = append(rows, []string{name, "New", "Default", fmt.Sprint(i)})
		} else {
			rows = append(rows, []string{name, "DECIMAL", "Adoption;Default"})
		}
	}
	return s.writeCSV(object+".csv", header, rows)
}

// named are how many records of the object have a name that begins with prefix,
// by name, as an export has them.
func (s *stage) named(object, prefix string) map[string]int {
	s.Helper()
	s.run(0, "export", object, "-o", "there-"+object+".csv", "--quiet")
	there := s.csv(s.path("there-" + object + ".csv"))
	counts := map[string]int{}
	for _, row := range there.rows {
		if name := row[1]; strings.HasPrefix(name, prefix) {
			counts[name]++
		}
	}
	return counts
}

// Templates and metrics go several a call, come back as they were, and only
// what differs is sent.
func TestTemplatesAndMetricsThereAndBack(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"templates", "metrics"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			done := s.json(0, "import", s.recordFile(object, "Record", 105), "--object", object)
			s.counts(done, "rows=105 created=105")
			if calls := done.Calls.ByEndpoint[object+".create"]; calls != 11 {
				t.Errorf("%d calls for 105 %s, want 11", calls, object)
			}
			if there := s.named(object, "Record "); len(there) != 105 {
				t.Fatalf("%d %s are there", len(there), object)
			}
			writes := s.writes()
			back := s.json(0, "import", "there-"+object+".csv", "--object", object)
			if back.Counts["unchanged"] != back.Counts["rows"] || s.writes() != writes {
				t.Errorf("the export, imported: %v, %d writes", back.Counts, s.writes()-writes)
			}
			edited := strings.NewReplacer("Record 00007", "Record seven", "Record 00100", "Record a hundred").Replace(string(s.read(s.path("there-" + object + ".csv"))))
			s.writeFile("edited.csv", []byte(edited))
			got := s.json(0, "import", "edited.csv", "--object", object)
			if got.Counts["updated"] != 2 || got.Calls.ByEndpoint[object+".update"] != 1 {
				t.Errorf("two edits: %v, %v", got.Counts, got.Calls.ByEndpoint)
			}
			s.run(0, "undo", "latest")
			s.run(0, "apply", "latest", "--yes")
			if there := s.named(object, "Record "); len(there) != 105 || there["Record 00007"] != 1 {
				t.Errorf("after the undo %d %s are there, %d of them Record 00007", len(there), object, there["Record 00007"])
			}
			s.run(0, "import", s.recordFile(object, "Record", 106), "--object", object) // 105 are unchanged
			if there := s.named(object, "Record "); len(there) != 106 {
				t.Errorf("after the file with one more row %d are there", len(there))
			}
			upserted := s.json(0, "import", s.recordFile(object, "Record", 107), "--object", object, "--mode", "upsert")
			s.counts(upserted, "rows=107 created=1 unchanged=106")
		})
	}
}

// A row that the tenant refuses is found in failureList; the others of its call
// are created.
func TestPartialSuccessIsAttributed(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	var rows [][]string
	for i := range 25 {
		kind := "CISCO"
		if i == 3 || i == 17 {
			kind = "NORTEL"
		}
		rows = append(rows, []string{fmt.Sprintf("Partly %02d", i), "New", kind})
	}
	file := s.writeCSV("templates.csv", []string{"Name", "Status", "cf_picklist__gc"}, rows)
	got := s.json(3, "import", file, "--object", "templates")
	s.counts(got, "rows=25 created=23 rejected=2")
	if got.Calls.ByEndpoint["templates.create"] != 3 {
		t.Errorf("calls %v", got.Calls.ByEndpoint)
	}
	for _, row := range s.csv(got.dir + "/errors.csv").rows {
		if text := strings.Join(row, ","); !strings.Contains(text, "NORTEL") {
			t.Errorf("rejected: %s", text)
		}
	}
	if there := s.named("templates", "Partly"); len(there) != 23 || there["Partly 03"]+there["Partly 17"] != 0 {
		t.Errorf("%d are there: %v", len(there), there)
	}
}

// A call that is refused as a whole may have been carried out in part: what it
// made is found by reading back, and the other rows go alone.
func TestRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"templates", "metrics"} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			calls := refusingWhole(s)
			got := s.json(0, "import", s.recordFile(object, "Whole", 22), "--object", object)
			s.counts(got, "rows=22 created=22")
			if calls.Load() != 1 {
				t.Errorf("%d calls of several records after one was refused, want none", calls.Load()-1)
			}
			there := s.named(object, "Whole ")
			for name, n := range there {
				if n != 1 {
					t.Errorf("%s is there %d times", name, n)
				}
			}
			if len(there) != 22 {
				t.Errorf("%d are there", len(there))
			}
		})
	}
}

// refusingWhole carries out the first record of a call with several, and
// refuses the call.
func refusingWhole(s *stage) *atomic.Int64 {
	calls := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.Error(err)
		}
		first, _, several := bytes.Cut(body, []byte(`},{"record"`))
		if several {
			calls.Add(1)
			body = slices.Concat(first, []byte(`}]}`))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if several {
			s.tenant.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"timestamp":1675399306376,"status":500,"error":"Internal Server Error","exception":"com.gainsight.cs.goal.exception.CSGoalException","message":"One of them is wrong","path":"/x"}`))
			return
		}
		s.tenant.ServeHTTP(w, r)
	}))
	s.Cleanup(server.Close)
	s.setenv("GSBATCH_BASE_URL", server.URL)
	return calls
}

// harsh is a network and a server at their worst.
const harsh = "fault.drop_after=0.05,fault.drop_before=0.04,fault.500_after=0.04,fault.500_before=0.02,fault.cut=0.03,fault.no_gsid=0.02,fault.late=0.03,fault.throttle=0.03,late.delay=300ms,faults.on=writes,latency=3ms"

// Whatever fails, and killed at random, templates and metrics are created once
// and deleted, several a call and alone.
func TestTemplatesAndMetricsNeverTwice(t *testing.T) {
	t.Parallel()
	for i, object := range []string{"templates", "metrics"} {
		batches := []string{"10", "1"}
		if testing.Short() {
			batches = batches[:1]
		}
		for _, batch := range batches {
			t.Run(object+" "+batch+" a call", func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(i), uint64(len(batch))))
				s := newStage(t, harsh)
				s.setenv("GSBATCH_SETTLE", "800ms")
				s.setenv("GSBATCH_BATCH", batch)
				const size = 120
				s.run(0, "plan", s.recordFile(object, "Never", size), "--object", object)
				done := s.seenThrough(random, []string{"apply", "latest", "--json"})
				parked := done.Counts["parked"]
				if done.Counts["created"]+parked != size {
					t.Errorf("%v", done.Counts)
				}
				s.set("faults.on=update")
				there := s.named(object, "Never ")
				for name, n := range there {
					if n != 1 {
						t.Errorf("%s is there %d times", name, n)
					}
				}
				if len(there) < size-parked || len(there) > size {
					t.Errorf("%d are there, %d parked", len(there), parked)
				}
				s.deletedAll(random, object, there)
			})
		}
	}
}

// deletedAll deletes what is there under faults and kills, and then once more.
func (s *stage) deletedAll(random *rand.Rand, object string, there map[string]int) {
	s.Helper()
	var rows [][]string
	for _, row := range s.csv(s.path("there-" + object + ".csv")).rows {
		if there[row[1]] > 0 {
			rows = append(rows, []string{row[0], row[1]})
		}
	}
	file := s.writeCSV("gone.csv", []string{"Gsid", "Name"}, rows)
	s.set("faults.on=writes")
	s.run(0, "delete", object, file, "--dry-run")
	done := s.seenThrough(random, []string{"apply", "latest", "--yes", "--json"})
	if done.Counts["deleted"]+done.Counts["unchanged"]+done.Counts["parked"] != len(rows) {
		s.Errorf("deleted: %v", done.Counts)
	}
	s.set("faults.on=update")
	again := s.json(0, "delete", object, file, "--yes")
	if again.Counts["unchanged"]+again.Counts["deleted"] != len(rows) || again.Counts["deleted"] > done.Counts["parked"] {
		s.Errorf("deleted again: %v", again.Counts)
	}
	if left := s.named(object, "Never "); len(left) != 0 {
		s.Errorf("%d are left", len(left))
	}
	if r := s.run(0, "import", s.recordFile(object, "Never", 3), "--object", object, "--again"); strings.Contains(r.stdout, "unchanged") {
		s.Errorf("what was deleted counts as created: %s", r.stdout)
	}
}

// seenThrough runs a command, killed three times at random, and then resumes
// until the run has ended.
func (s *stage) seenThrough(random *rand.Rand, first []string) summary {
	s.Helper()
	command := first
	for kills, tries := 0, 0; ; tries++ {
		life := patience
		if kills < 3 {
			life = time.Duration(30+random.IntN(500)) * time.Millisecond
		}
		r, killed := s.killed(life, command...)
		switch {
		case killed:
			kills++
		case r.code == 0 || r.code == 8:
			if strings.Contains(r.stdout, `"counts"`) {
				return s.summaryOf(r)
			}
			command = []string{"runs", "report", "latest", "--json"}
			continue
		case r.code != 6 && r.code != 2 || tries > 40:
			s.Fatalf("%v: exit %d\n%s%s", command, r.code, ends(r.stdout), ends(r.stderr))
		}
		if s.onlyRunState() != "planned" {
			command = []string{"resume", "latest", "--json"}
		}
	}
}

// onlyRunState is the state of the newest run.
func (s *stage) onlyRunState() string {
	s.Helper()
	runs := s.list().Runs
	if len(runs) == 0 {
		s.Fatal("there is no run")
	}
	return runs[0].State
}

// Goals of every entity type, by template and with metrics, are created from
// one file with the parents that each needs.
func TestGoalsOfEveryKind(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.run(0, "import", s.recordFile("templates", "Base", 1), "--object", "templates")
	s.named("templates", "Base")
	template := s.csv(s.path("there-templates.csv"))
	base := template.rows[len(template.rows)-1][0]
	const relType = "1I00RW58IUVYX7KQ1XA8NZ3HH4YN710MKDJ7" // of the emulated tenant's IBM Cloud
	s.writeCSV("kinds.csv", []string{"Name", "Status", "Goal Type", "Entity Type", "Company", "Relationship", "Relationship Type Id", "Opportunity", "Template",
		"metric.Seats in use.baseValue", "metric.Seats in use.targetValue"}, [][]string{
		{"Of a company", "New", "Default", "company", "IBM", "", "", "", "", "1", "100"},
		{"Of a relationship", "New", "Default", "relationship", "", "IBM Cloud", relType, "", "", "", ""},
		{"Of an opportunity", "New", "Default", "opportunity", "", "", "", "IBM Renewal 2026", "", "", ""},
		{"Of nobody", "New", "Default", "global", "", "", "", "", "", "", ""},
		{"By template", "", "", "company", "Meta", "", "", "", base, "", ""},
	})
	s.counts(s.json(0, "import", "kinds.csv"), "rows=5 created=5")
	s.run(0, "export", "goals", "-o", "kinds-there.csv", "--select", "Name,EntityType,RelationshipId,OpportunityId,TemplateId,StatusName")
	text := string(s.read("kinds-there.csv"))
	for _, want := range []string{",Of a company,COMPANY,,,,,,New\r", ",Of a relationship,RELATIONSHIP,1P03", ",Of an opportunity,OPPORTUNITY,,,1P04", ",Of nobody,GLOBAL,,,,,,New\r", ",By template,COMPANY,,,,," + base + ",New\r"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	s.run(5, "import", s.writeCSV("lacking.csv", []string{"Name", "Status", "Entity Type", "Company", "Relationship"}, [][]string{
		{"No type", "New", "relationship", "", "IBM Cloud"}, {"No status", "", "company", "IBM", ""}}))
}
