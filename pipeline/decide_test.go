package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/emulator"
	"gsbatch/validate"
)

func TestParseDecision(t *testing.T) {
	t.Parallel()
	const gsid = "1CG0AZ09ABCDEFGHIJKLMNOPQRSTUVWXYZ12"
	for text, want := range map[string]Decision{
		"send": {Line: 7, Status: checkpoint.Pending}, " SEND\t": {Line: 7, Status: checkpoint.Pending}, "Skip": {Line: 7, Status: checkpoint.Skipped},
		"created " + gsid: {Line: 7, Status: checkpoint.Created, Gsid: gsid}, gsid: {Line: 7, Status: checkpoint.Created, Gsid: gsid},
		"": {}, "send it": {}, "skip 1": {}, "created": {}, "made " + gsid: {}, "created " + gsid + " 1": {}, "created " + gsid[1:]: {}, gsid + "1": {},
		strings.ToLower(gsid): {}, "created " + strings.Replace(gsid, "A", "@", 1): {}, "created " + strings.Replace(gsid, "A", "[", 1): {},
		strings.Replace(gsid, "0", "/", 1): {}, strings.Replace(gsid, "0", ":", 1): {}, "created x": {},
	} {
		got, err := ParseDecision(7, text)
		if want.Line == 0 {
			var bad *DecisionError
			if !errors.As(err, &bad) || bad.Line != 7 || !strings.Contains(err.Error(), "row 7: ") || !strings.Contains(err.Error(), "; write created GSID") {
				t.Errorf("%q: %v, %v", text, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// doubtful is a run of 5 rows, three of them in doubt: goal 2 is there, goal 3
// and goal 4 are not.
func doubtful(s *stage, d *desk) *checkpoint.Run {
	s.Helper()
	run := s.plan(d, creates(1, 5), planOptions{}).Run
	s.set("faults.on=create")
	s.watch.onWrite(func(n int) bool {
		switch n {
		case 2:
			s.set("next.drop_after=1")
		case 3, 4:
			return false
		}
		return true
	})
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.expect(run, "created=2 in_doubt=3")
	return run
}

// person changes a goal's description, as somebody does in Gainsight.
func (s *stage) person(gsid, description string) {
	s.Helper()
	s.directly(http.MethodPut, "update", fmt.Sprintf(`{"requests":[{"record":{"Gsid":%q,"Description":%q}}]}`, gsid, description))
}

// direct creates a goal as the rows of creates do, past all that watches.
func (s *stage) direct(name, company, description string) {
	s.Helper()
	s.directly(http.MethodPost, "create", fmt.Sprintf(`{"requests":[{"record":{"Name":%q,"StatusName":"New","EntityType":"COMPANY","CompanyName":%q,"Description":%q}}],
		"lookups":{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"company","multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"}}}`, name, company, description))
}

func (s *stage) directly(method, path, body string) {
	s.Helper()
	r := httptest.NewRequest(method, "/v1/csgoal/external/"+path, strings.NewReader(body))
	r.Host = s.server.Listener.Addr().String()
	r.Header.Set("accesskey", emulator.DefaultAccessKey)
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	if s.tenant.ServeHTTP(answer, r); answer.Code != http.StatusOK {
		s.Fatalf("%d %s", answer.Code, answer.Body)
	}
}

func (s *stage) config(d *desk, run *checkpoint.Run) ApplyConfig {
	return ApplyConfig{Run: run, Tenant: d.shared, Client: d.client, Gate: d.gate, Workers: 1, Settle: 50 * time.Millisecond}
}

// A row that is left for good may have its goal all the same: that settles no
// other row.
func TestGoalOfASkippedRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=create")
	d := s.desk()
	run := s.plan(d, creates(1, 1)+"goal 1,New,COMPANY,Meta,first\n", planOptions{}).Run
	s.set("next.drop_after=1")
	s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Calls: 3}}) // two are the plan's
	s.expect(run, "in_doubt=1 pending=1")
	if _, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{2, checkpoint.Skipped, ""}}); err != nil {
		t.Fatal(err)
	}
	s.set("next.drop_before=1")
	s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: 300 * time.Millisecond})
	if reason := s.expect(run, "skipped=1 parked=1")[1].fate.Reason; !strings.Contains(reason, s.goals()["goal 1"][0].Gsid) {
		t.Error(reason)
	}
	s.closeRun(run)
	again, err := s.tryPlan(d, creates(1, 1), planOptions{id: "b", skipInvalid: true})
	if err != nil {
		t.Fatal(err)
	}
	if rows := s.expect(again.Run, "invalid=1"); !strings.Contains(rows[0].fate.Reason, "may have created the same goal") {
		t.Errorf("%+v", rows[0].fate)
	}
	s.closeRun(again.Run)
	s.leave(d)
}

// A person's word is taken where it can be true, and nothing is done where it
// cannot be.
func TestDecide(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := doubtful(s, d)
	first, second := s.goals()["goal 1"][0].Gsid, s.goals()["goal 2"][0].Gsid
	created := func(line int, gsid string) Decision { return Decision{line, checkpoint.Created, gsid} }
	for name, tt := range map[string]struct {
		decisions []Decision
		why       string
	}{
		"twice":             {[]Decision{{3, checkpoint.Pending, ""}, {4, checkpoint.Pending, ""}, {3, checkpoint.Skipped, ""}}, "row 3: is decided twice"},
		"decided already":   {[]Decision{{2, checkpoint.Pending, ""}}, "row 2: is neither in doubt nor parked in run a; take a _line"},
		"no row":            {[]Decision{{99, checkpoint.Pending, ""}}, "row 99: is neither"},
		"another row's":     {[]Decision{created(3, first)}, `row 3: goal ` + first + ` is named "goal 1", and the row "goal 2"; see the goal`},
		"nobody's":          {[]Decision{created(3, strings.Repeat("A", 36))}, "row 3: no goal " + strings.Repeat("A", 36) + " is in the tenant"},
		"named twice":       {[]Decision{created(3, second), created(4, second)}, "row 4: goal " + second + " was named for another row too"},
		"one of two is bad": {[]Decision{created(3, second), created(4, first)}, "row 4: goal " + first + " is named"},
	} {
		_, err := Decide(t.Context(), t.Context(), s.config(d, run), tt.decisions)
		var bad *DecisionError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), tt.why) {
			t.Errorf("%s: %v", name, err)
		}
		s.expect(run, "created=2 in_doubt=3")
	}
	writes := s.watch.count()
	out, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{created(3, second), {4, checkpoint.Pending, ""}, {5, checkpoint.Skipped, ""}})
	if err != nil || len(out.Stops) > 0 || s.watch.count() != writes {
		t.Errorf("%+v, %v", out, err)
	}
	rows := s.expect(run, "created=3 skipped=1 pending=1")
	if fate := rows[1].fate; fate.Gsid != second || fate.Code != "decided" || fate.Reason != "decided by a person" {
		t.Errorf("%+v", fate)
	}
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.expect(run, "created=4 skipped=1")
	s.closeRun(run)
	s.leave(d)
}

// A goal that answers for a row of this run, or of another, answers for no
// second one.
func TestDecideForAGoalThatIsTaken(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=create")
	d := s.desk()
	run := s.plan(d, twins("a", "b", "c"), planOptions{onDuplicate: DuplicateCreate}).Run
	s.watch.onWrite(func(n int) bool { return n != 2 })
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.expect(run, "created=1 in_doubt=1 pending=1")
	taken := s.rows(run)[0].fate.Gsid
	other := s.plan(d, strings.Replace(twins("elsewhere"), "IBM", "Meta", 1), planOptions{id: "b", onDuplicate: DuplicateCreate}).Run
	s.mustApply(d, other, ApplyConfig{})
	for _, gsid := range []string{taken, s.expect(other, "created=1")[0].fate.Gsid} {
		_, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{3, checkpoint.Created, gsid}})
		if err == nil || err.Error() != "row 3: goal "+gsid+" answers for another row already; decide send or skip" {
			t.Errorf("%s: %v", gsid, err)
		}
	}
	s.expect(run, "created=1 in_doubt=1 pending=1")
	s.closeRun(other)
	s.closeRun(run)
	s.leave(d)
}

// Settle settles the rows it is told, parked ones among them, and sends nothing.
func TestSettleOfRows(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := doubtful(s, d)
	writes := s.watch.count()
	_, err := Settle(t.Context(), t.Context(), s.config(d, run), []int{3, 2})
	if err == nil || !strings.HasPrefix(err.Error(), "row 2: is neither") {
		t.Errorf("%v", err)
	}
	settle := func(sum string, lines ...int) []row {
		t.Helper()
		if out, err := Settle(t.Context(), t.Context(), s.config(d, run), lines); err != nil || len(out.Stops) > 0 {
			t.Errorf("%+v, %v", out, err)
		}
		return s.expect(run, sum)
	}
	settle("created=2 in_doubt=2 pending=1", 4)
	settle("created=3 in_doubt=1 pending=1", 3)
	rows := settle("created=3 pending=2")
	if fate := rows[1].fate; fate.Code != "recovered" || fate.Gsid != s.goals()["goal 2"][0].Gsid {
		t.Errorf("%+v", fate)
	}
	if s.watch.count() != writes {
		t.Errorf("settling sent something")
	}
	s.closeRun(run)
	s.leave(d)
}

// What cannot be told is parked, and can be looked for once more when it is asked for.
func TestSettleParksAndLooksAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, twins("a", "b"), planOptions{onDuplicate: DuplicateCreate}).Run
	s.set("faults.on=create,next.drop_after=1")
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	made := s.goals()["twin"][0].Gsid
	s.person(made, "somebody's words") // now the goal fits but for a field
	if _, err := Settle(t.Context(), t.Context(), s.config(d, run), nil); err != nil {
		t.Fatal(err)
	}
	if reason := s.expect(run, "parked=1 pending=1")[0].fate.Reason; reason != "goals that may be this row's, or another's, are in the tenant: "+made {
		t.Error(reason)
	}
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.expect(run, "parked=1 pending=1") // its key is closed
	s.person(made, "a")
	if _, err := Settle(t.Context(), t.Context(), s.config(d, run), nil); err != nil {
		t.Fatal(err)
	}
	s.expect(run, "parked=1 pending=1") // parked rows are a person's, unless named
	if _, err := Settle(t.Context(), t.Context(), s.config(d, run), []int{2}); err != nil {
		t.Fatal(err)
	}
	if gsid := s.expect(run, "created=1 pending=1")[0].fate.Gsid; gsid != made {
		t.Errorf("recovered as %s, made as %s", gsid, made)
	}
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.expect(run, "created=2")
	s.closeRun(run)
	s.leave(d)
}

// The goal of a parked row goes to no namesake of another company, whose id is
// not known either.
func TestGoalOfAParkedRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, twins("a")+"twin,New,COMPANY,Meta,a\n", planOptions{}).Run
	s.set("faults.on=create,next.drop_after=1")
	s.watch.onWrite(func(n int) bool { return n != 2 })
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	made := s.goals()["twin"][0].Gsid
	s.person(made, "words")
	for i, sum := range []string{"in_doubt=1 parked=1", "parked=2"} {
		if _, err := Settle(t.Context(), t.Context(), s.config(d, run), []int{2 + i}); err != nil {
			t.Fatal(err)
		}
		s.expect(run, sum)
		s.person(made, "a")
	}
	s.closeRun(run)
	s.leave(d)
}

// A person's word on an update: its own goal, or none; a delete is settled by
// what is there.
func TestDecideUpdates(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	made := s.plan(d, creates(1, 2), planOptions{}).Run
	s.mustApply(d, made, ApplyConfig{})
	first, second := s.goals()["goal 1"][0].Gsid, s.goals()["goal 2"][0].Gsid
	s.closeRun(made)
	run := s.plan(d, "Gsid,Name\n"+first+",other name\n", planOptions{id: "b"}).Run
	s.watch.onWrite(func(int) bool { return false })
	s.mustApply(d, run, ApplyConfig{})
	_, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{2, checkpoint.Created, second}})
	if err == nil || !strings.HasPrefix(err.Error(), "row 2: is an update of goal "+first+", not of "+second+"; see the goal") {
		t.Error(err)
	}
	if _, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{2, checkpoint.Created, first}}); err != nil {
		t.Error(err)
	}
	if fate := s.expect(run, "updated=1")[0].fate; fate.Gsid != first || fate.Code != "decided" {
		t.Errorf("%+v", fate)
	}
	s.closeRun(run)
	run = s.plan(d, "Name,Due Days\nold,7\n", planOptions{id: "c", object: "templates"}).Run
	s.mustApply(d, run, ApplyConfig{})
	gsid := s.rows(run)[0].fate.Gsid
	s.closeRun(run)
	run = s.plan(d, "Gsid\n"+gsid+"\n", planOptions{id: "d", object: "templates", mode: validate.DeleteOnly}).Run
	s.set("faults.on=templates,next.drop_before=1")
	s.mustApply(d, run, ApplyConfig{})
	_, err = Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{2, checkpoint.Created, gsid}})
	if err == nil || !strings.HasPrefix(err.Error(), "row 2: is a delete, which is settled by whether the template is still there") {
		t.Error(err)
	}
	s.expect(run, "in_doubt=1")
	s.closeRun(run)
	s.leave(d)
}

// Where the goal that a person names cannot be fetched, or is not told of,
// nothing is decided.
func TestDecideWithoutTheGoal(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := doubtful(s, d)
	second := s.goals()["goal 2"][0].Gsid
	decisions := []Decision{{4, checkpoint.Skipped, ""}, {3, checkpoint.Created, second}}
	cfg := s.config(d, run)
	for _, n := range d.client.Calls() {
		cfg.Limits.Calls += int64(n)
	}
	out, err := Decide(t.Context(), t.Context(), cfg, decisions)
	if s.stopped(out, StopBudget); err != nil {
		t.Error(err)
	}
	s.set("faults.on=fetch,next.html=1")
	out, err = Decide(t.Context(), t.Context(), s.config(d, run), decisions)
	if s.stopped(out, StopUnreachable); err != nil {
		t.Error(err)
	}
	s.watch.onRead(func(_ string, answer *httptest.ResponseRecorder) {
		answer.Body = bytes.NewBufferString(strings.ReplaceAll(answer.Body.String(), second, strings.Repeat("B", 36)))
	})
	if _, err = Decide(t.Context(), t.Context(), s.config(d, run), decisions); err == nil || !strings.HasPrefix(err.Error(), "row 3: no goal "+second+" is in the tenant") {
		t.Error(err)
	}
	s.expect(run, "created=2 in_doubt=3")
	s.closeRun(run)
	s.leave(d)
}
