package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// company is the id of a company of the tenant.
func (s *stage) company(name string) string {
	s.Helper()
	var text bytes.Buffer
	if err := s.tenant.WriteEntities(&text); err != nil {
		s.Fatal(err)
	}
	for lines := json.NewDecoder(&text); lines.More(); {
		var e struct{ Object, Name, Gsid string }
		if err := lines.Decode(&e); err != nil {
			s.Fatal(err)
		}
		if e.Object == "company" && e.Name == name {
			return e.Gsid
		}
	}
	s.Fatalf("no company %s", name)
	return ""
}

// byID is twins with the company's id in place of its name.
func (s *stage) byID(text string) string {
	return strings.ReplaceAll(strings.Replace(text, ",Company,", ",CompanyId,", 1), ",IBM,", ","+s.company("IBM")+",")
}

// Two runs are alive, each with a call in doubt for an equal goal, whose parent
// one knows by its name and the other by its id, so that neither knows the
// other's natural key. The one goal that is there answers for neither: it may
// be either's.
func TestGoalOfAnotherLiveRun(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} { // whose call was carried out
		t.Run(fmt.Sprint("by name ", named), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "faults.on=create")
			d := s.desk()
			one, other := s.plan(d, twins("same"), planOptions{id: "a"}).Run, s.plan(d, s.byID(twins("same")), planOptions{id: "b"}).Run
			if !named {
				one, other = other, one
			}
			if _, err := d.shared.Begin(t.Context(), one); err != nil { // and goes on living
				t.Fatal(err)
			}
			s.set("next.drop_after=1")
			s.mustApply(d, one, ApplyConfig{})
			s.expect(one, "in_doubt=1")
			s.set("next.drop_before=1")
			s.mustApply(d, other, ApplyConfig{Settle: 300 * time.Millisecond})
			s.expect(other, "parked=1")
			s.mustApply(d, one, ApplyConfig{Settle: 300 * time.Millisecond})
			if rows := s.expect(one, "parked=1"); !strings.Contains(rows[0].fate.Reason, s.goals()["twin"][0].Gsid) {
				t.Errorf("parked without its goal: %s", rows[0].fate.Reason)
			}
			s.closeRun(one)
			s.closeRun(other)
			s.leave(d)
		})
	}
}

// The other run has its answer, and has not told the index yet: the goal is its.
func TestGoalThatAnotherLiveRunCreated(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=create")
	d := s.desk()
	named, byID := s.plan(d, twins("same"), planOptions{id: "a"}).Run, s.plan(d, s.byID(twins("same")), planOptions{id: "b"}).Run
	s.set("next.drop_before=1")
	s.mustApply(d, byID, ApplyConfig{})
	s.expect(byID, "in_doubt=1")
	s.mustApply(d, named, ApplyConfig{})
	s.mustApply(d, byID, ApplyConfig{Settle: 300 * time.Millisecond})
	rows := s.expect(byID, "created=1")
	if there := s.goals()["twin"]; len(there) != 2 || s.expect(named, "created=1")[0].fate.Gsid == rows[0].fate.Gsid {
		t.Errorf("%v; %+v", there, rows[0].fate)
	}
	s.closeRun(named)
	s.closeRun(byID)
	s.leave(d)
}
