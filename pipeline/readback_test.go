package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gsbatch/checkpoint"
)

// refusal is how the tenant refuses a fetch.
func refusal(message string, answer *httptest.ResponseRecorder) {
	answer.Code, answer.Body = 500, bytes.NewBufferString(`{"timestamp":1675400090192,"status":500,"error":"Internal Server Error",
		"exception":"com.gainsight.cs.goal.exception.CSGoalException","message":"`+message+`","path":"/csgoal/external/fetch"}`)
}

// A fetch that fails while rows are settled, whichever it is, ends the run and
// proves nothing.
func TestFetchFailsWhileSettling(t *testing.T) {
	t.Parallel()
	const fetches = 5 // by name; the fence; by name; by how the name begins; for twins, in the end
	for failing := range fetches + 2 {
		t.Run(fmt.Sprint(failing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				d := s.desk()
				run := s.plan(d, creates(1, 1)+"Grow & go,New,COMPANY,IBM,\n", planOptions{}).Run
				m.session(true, func(n int) bool { return n != 2 })
				asked := 0
				m.alter = func(_ string, answer *httptest.ResponseRecorder) {
					if asked++; asked == failing {
						answer.Code, answer.Body = 200, bytes.NewBufferString("<html>")
						answer.Header().Set("Content-Type", "text/html")
					}
				}
				cfg := ApplyConfig{Workers: 1, Settle: settleTime}
				out := s.mustApply(d, run, cfg)
				if failing == 0 || failing > fetches {
					s.stopped(out)
				} else {
					s.stopped(out, StopUnreachable)
					s.expect(run, map[bool]string{false: "created=1 in_doubt=1", true: "created=2"}[failing == fetches])
					s.stopped(s.mustApply(d, run, cfg))
				}
				if s.expect(run, "created=2"); len(s.goals()["Grow & go"]) != 1 {
					t.Errorf("%v", s.goals()["Grow & go"])
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// Where the tenant does not answer the question, or not whole, absence is not
// proved, and the reason says why.
func TestAbsenceInAListWithGaps(t *testing.T) {
	t.Parallel()
	begins := func(asked string) bool { return strings.Contains(asked, "STARTS_WITH") }
	for name, tt := range map[string]struct {
		alike  int // goals of that name, of a company that is known not to be the row's
		refuse func(asked string) bool
		why    string
	}{
		"the question is refused":   {0, func(string) bool { return true }, "absence cannot be proved, for the tenant does not list goals by Name: no such filter"},
		"the second one is refused": {0, begins, "absence cannot be proved, for the tenant does not list goals by Name: no such filter"},
		"the list is not proved":    {30, func(string) bool { return false }, "absence cannot be proved, for the tenant's list is not proved to be whole: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			run := s.plan(d, creates(1, 1)+"Grow & go,New,COMPANY,IBM,\n", planOptions{}).Run
			for range tt.alike {
				s.direct("Grow & go", "Meta", "")
			}
			s.set("order=unstable") // of lists longer than a page
			s.watch.onWrite(func(n int) bool { return n != 2 })
			s.watch.onRead(func(asked string, answer *httptest.ResponseRecorder) {
				if strings.Contains(asked, "Grow") && tt.refuse(asked) {
					refusal("no such filter", answer)
				}
			})
			s.mustApply(d, run, ApplyConfig{Workers: 1})
			s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: 50 * time.Millisecond})
			if reason := s.expect(run, "created=1 parked=1")[1].fate.Reason; !strings.HasPrefix(reason, tt.why) {
				t.Error(reason)
			}
			s.closeRun(run)
			s.leave(d)
		})
	}
}

// A field that the tenant does not let us select is left out of the comparison:
// what is like the row but for it is the row's, of a create; an update with it
// cannot be proved.
func TestFieldThatIsNotShown(t *testing.T) {
	t.Parallel()
	s := newStage(t, "select=exact")
	d := s.desk()
	s.watch.onRead(func(asked string, answer *httptest.ResponseRecorder) {
		if strings.Contains(asked, `"Description"`) {
			refusal("Invalid fields in select clause - Description", answer)
		}
	})
	gsid := ""
	for _, there := range []bool{false, true} {
		cfg := lost(s, d, planOptions{id: fmt.Sprint(there), again: true})
		if there {
			s.direct("goal 2", "IBM", "words")
		}
		arrived, _ := s.watch.of("goal 2")
		s.mustApply(d, cfg.Run, cfg)
		gsid = s.expect(cfg.Run, "created=2")[1].fate.Gsid
		if again, _ := s.watch.of("goal 2"); there == (again > arrived) {
			t.Errorf("there %v: sent %d times more", there, again-arrived)
		}
		s.closeRun(cfg.Run)
	}
	run := s.plan(d, "Gsid,Description\n"+gsid+",second\n", planOptions{id: "b"}).Run
	_, err := carryOut(t.Context(), t.Context(), s.config(d, run), true, func(a *apply, _ context.Context) error {
		goals, gap, err := (&settling{apply: a, columns: []string{"Name", "Description"}}).fetch(question{field: "Name", value: "none"})
		if len(goals) > 0 || gap != "" {
			t.Errorf("%v; the list has a gap, since %s", goals, gap)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	s.set("faults.on=update,next.drop_after=1")
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	if reason := s.expect(run, "parked=1")[0].fate.Reason; !strings.HasPrefix(reason, "the update carries what reading back cannot show") {
		t.Error(reason)
	}
	s.closeRun(run)
	s.leave(d)
}

// Equal questions are asked once in a look.
func TestQuestionsAreAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		text := header
		for _, company := range []string{"IBM", "Meta", "NEW"} {
			text += "Grow & go,New,COMPANY," + company + ",\n"
		}
		run := s.plan(d, text, planOptions{}).Run
		m.session(true, func(n int) bool { return n > 3 })
		s.mustApply(d, run, ApplyConfig{Workers: 1})
		s.expect(run, "in_doubt=3")
		asked := 0
		m.alter = func(string, *httptest.ResponseRecorder) { asked++ }
		if _, err := Settle(t.Context(), t.Context(), s.config(d, run), nil); err != nil {
			t.Error(err)
		}
		if s.expect(run, "pending=3"); asked != 3 { // by name, twice, and by how it begins
			t.Errorf("%d questions", asked)
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// What is gone, and what is no goal, is not looked for under another name.
func TestWhatHasNoOtherName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		made := s.plan(d, creates(1, 1), planOptions{}).Run
		s.mustApply(d, made, ApplyConfig{})
		gsid := s.rows(made)[0].fate.Gsid
		s.closeRun(made)
		run := s.plan(d, "Gsid,Name\n"+gsid+",Grow & go\n", planOptions{id: "b"}).Run
		m.session(true, func(n int) bool { return n != 1 })
		asked := 0
		m.alter = func(_ string, answer *httptest.ResponseRecorder) {
			asked++
			answer.Body = bytes.NewBufferString(`{"result":true,"data":{"recordList":[]}}`)
		}
		s.mustApply(d, run, ApplyConfig{Settle: settleTime})
		if reason := s.expect(run, "parked=1")[0].fate.Reason; reason != "goal "+gsid+" cannot be read back" || asked != 2 {
			t.Errorf("%s; %d questions", reason, asked)
		}
		s.closeRun(run)
		m.alter = nil
		run = s.plan(d, "Name,Due Days\nGrow & go,7\n", planOptions{id: "c", object: "templates"}).Run
		m.session(true, func(n int) bool { return n != 1 })
		s.mustApply(d, run, ApplyConfig{Settle: settleTime})
		if counts, read := run.Info().Counts, d.client.Calls()["templates.fetch"]; counts.Created != 1 || read != 2+1 { // for twins, in the end
			t.Errorf("%+v, %d questions", counts, read)
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// What is asked for the record of a doubt.
func TestQuestions(t *testing.T) {
	t.Parallel()
	s := &settling{apply: &apply{cfg: ApplyConfig{Run: &checkpoint.Run{}}}}
	name := question{field: "Name", value: "Grow"}
	for action, want := range map[string]question{"create": name, "update": {field: "Gsid", value: "G"}, "delete": {field: "Gsid", value: "G"}} {
		d := doubtOf(action)
		if got := s.asks(soughtOf(t, &d)); got != want {
			t.Errorf("%s: %+v", action, got)
		}
	}
	d := doubtOf("create")
	want := soughtOf(t, &d)
	for lead, all := range map[string][]question{
		"Grow":      nil,
		"R&D goals": {{field: "Name", value: "D goals", operator: "CONTAINS"}},
		"Grow & go": {{field: "Name", value: "Grow", operator: "STARTS_WITH"}},
		"&&":        nil,
	} {
		for _, marker := range []string{"", "a/2"} {
			want.name, want.marker = lead, marker
			expected := all
			if marker != "" {
				expected = append([]question{{field: "Name", value: lead}}, all...)
			}
			if got := want.elsewhere(); fmt.Sprint(got) != fmt.Sprint(expected) {
				t.Errorf("%q %q: %+v", lead, marker, got)
			}
		}
	}
}
