package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gsbatch/checkpoint"
)

// What becomes of an update whose answer was lost: it is read back, repeated
// once it is proved not to have arrived, and left to a person otherwise.
func TestDoubtfulUpdates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault    string
		compared bool // the plan read the goal
		soon     bool // the goal is as young as the call
		blind    bool // it carries what reading cannot show
		person   string
		sum, why string
	}{
		"arrived":                           {fault: "drop_after", sum: "updated=1", why: "every field that was sent is so in the tenant"},
		"arrived, compared":                 {fault: "drop_after", compared: true, sum: "updated=1", why: "every field"},
		"lost, of an old goal":              {fault: "drop_before", sum: "updated=1"},
		"lost, compared":                    {fault: "drop_before", compared: true, soon: true, sum: "updated=1"},
		"lost, of a young goal":             {fault: "drop_before", soon: true, sum: "parked=1", why: "was modified since the call, to other values than those sent"},
		"lost, and edited":                  {fault: "drop_before", person: "a person's", sum: "parked=1", why: "was modified since the call"},
		"lost, compared and edited":         {fault: "drop_before", compared: true, soon: true, person: "a person's", sum: "parked=1", why: "was modified since the call"},
		"lost, and edited to the same":      {fault: "drop_before", person: "second", sum: "updated=1", why: "every field"},
		"arrived, with what is not shown":   {fault: "drop_after", blind: true, sum: "parked=1", why: "the update carries what reading back cannot show"},
		"lost, with what cannot be shown":   {fault: "drop_before", blind: true, sum: "parked=1", why: "the update carries what reading back cannot show"},
		"arrived, and told in a cut answer": {fault: "cut", sum: "updated=1", why: "every field"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				d := s.desk()
				made := s.plan(d, creates(1, 1), planOptions{}).Run
				s.mustApply(d, made, ApplyConfig{})
				gsid := s.rows(made)[0].fate.Gsid
				s.closeRun(made)
				if !tt.soon {
					time.Sleep(time.Hour)
				}
				header, cells := "Gsid,Description", gsid+",second"
				if tt.blind {
					header, cells = header+",metric.Seats in use.targetValue", cells+",5"
				}
				run := s.plan(d, header+"\n"+cells+"\n", planOptions{id: "b", compared: tt.compared}).Run
				s.set("faults.on=update,next." + tt.fault + "=1")
				if tt.person != "" {
					go func() {
						time.Sleep(time.Minute)
						s.person(gsid, tt.person)
					}()
				}
				out := s.mustApply(d, run, ApplyConfig{Settle: settleTime})
				rows := s.expect(run, tt.sum)
				if !strings.Contains(rows[0].fate.Reason, tt.why) || len(out.Stops) > 0 {
					t.Errorf("%q, want %q; %v", rows[0].fate.Reason, tt.why, out.Stops)
				}
				if description := s.goals()["goal 1"][0].Description; strings.HasPrefix(tt.sum, "updated") != (description == "second") && tt.person == "" && !tt.blind {
					t.Errorf("description %q", description)
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// A row whose calls are never answered and never carried out is sent three times.
func TestSendsOfADoubtfulRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		m.kinds, m.rate = []mishap{{carried: never, answer: "drop"}}, 1
		m.session(false, nil)
		d := s.desk()
		run := s.plan(d, creates(1, 2), planOptions{}).Run
		s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime})
		for _, r := range s.expect(run, "parked=2") {
			if !strings.HasPrefix(r.fate.Reason, "no goal of this row is in the tenant, after 3 calls without an answer") || m.came[r.key] != maxDoubtfulSends {
				t.Errorf("%d calls: %s", m.came[r.key], r.fate.Reason)
			}
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// Absence is believed after the settle time alone, as told, and not before.
func TestSettleTimeIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, creates(1, 1), planOptions{}).Run
		m.session(true, func(n int) bool { return n != 1 })
		began := time.Now()
		var until []time.Duration
		s.mustApply(d, run, ApplyConfig{Settle: settleTime, Waiting: func(at time.Time, why string) {
			if why == WhySettle {
				until = append(until, at.Sub(began))
			}
		}})
		s.expect(run, "created=1")
		if took := time.Since(began); len(until) != 1 || until[0] != settleTime || took < settleTime || took > settleTime+time.Minute {
			t.Errorf("told %v, took %v", until, took)
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// A goal of ours that was made after the doubt and does not appear in the list
// makes absence no proof.
func TestFenceThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, shown := range []time.Duration{time.Minute, fencePatience + 2*settleTime} {
		t.Run(fmt.Sprint(shown), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				d := s.desk()
				run := s.plan(d, creates(1, 3), planOptions{}).Run
				began := time.Now()
				m.hides = func(body string) bool { return time.Since(began) < settleTime+shown }
				m.session(true, func(n int) bool { return n != 2 })
				s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime})
				if shown < fencePatience {
					s.expect(run, "created=3")
				} else if reason := s.expect(run, "created=2 parked=1")[1].fate.Reason; !strings.HasPrefix(reason, "goals made after this row's call do not appear") {
					t.Error(reason)
				}
				if took := time.Since(began); shown > fencePatience && took > settleTime+fencePatience+time.Minute {
					t.Errorf("gave up after %v", took)
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// A second goal of a row that comes after the row was settled is listed.
func TestAuditListsTwins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		s.timeout = 10 * time.Minute
		d := s.desk()
		run := s.plan(d, creates(1, 1)+"goal 2,New,COMPANY,Meta,later\n", planOptions{}).Run
		m.session(true, func(n int) bool {
			if n == 1 { // its call lands long after the settle time
				go func() {
					time.Sleep(settleTime + 30*time.Second)
					s.direct("goal 1", "IBM", "first")
				}()
				return false
			}
			if n == 6 { // the row's second call
				time.Sleep(time.Minute)
			}
			return true
		})
		s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime})
		fate := s.expect(run, "created=1 parked=1")[0].fate
		reason := fate.Reason
		for _, g := range s.goals()["goal 1"] {
			if !strings.Contains(reason, g.Gsid) {
				t.Errorf("%s is not in %q", g.Gsid, reason)
			}
		}
		// A person may say that it is the one which answers for the row already.
		if _, err := Decide(t.Context(), t.Context(), s.config(d, run), []Decision{{2, checkpoint.Created, fate.Gsid}}); err != nil {
			t.Error(err)
		}
		s.expect(run, "created=2")
		s.closeRun(run)
		s.leave(d)
	})
}

// With settling off nothing is settled, and nothing is read.
func TestSettleOff(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := doubtful(s, d)
	out := s.mustApply(d, run, ApplyConfig{})
	s.expect(run, "created=2 in_doubt=3")
	if out.Calls.ByEndpoint["goals.fetch"] > 0 {
		t.Errorf("%v", out.Calls.ByEndpoint)
	}
	doubts, err := run.Doubts(t.Context())
	if err != nil || len(doubts.Rows) != 3 || doubts.Rows[0].Status != checkpoint.InDoubt {
		t.Errorf("%+v, %v", doubts, err)
	}
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.expect(run, "created=5")
	read := d.client.Calls()["goals.fetch"]
	s.mustApply(d, run, ApplyConfig{}) // has rows that were in doubt once
	if n := d.client.Calls()["goals.fetch"]; n != read {
		t.Errorf("%d reads more", n-read)
	}
	s.closeRun(run)
	s.leave(d)
}

// A goal that may be another row's, of which only the time before its call is
// not known, settles no row.
func TestGoalOfARowWithoutATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		m.kinds, m.lag = []mishap{{carried: atOnce, answer: "drop"}}, time.Minute
		d := s.desk()
		s.closeRun(s.plan(d, creates(1, 2)+"goal 1,New,COMPANY,Meta,first\n", planOptions{}).Run)
		s.leave(d)
		d = s.desk() // a process that was told no time yet
		run := s.lock(d, "a")
		m.session(false, func(n int) bool { m.rate = map[int]float64{1: 1}[n]; return true })
		s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Calls: 2}})
		s.expect(run, "created=1 in_doubt=1 pending=1")
		m.session(false, func(int) bool { m.rate = 1; return true })
		s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: settleTime})
		for _, r := range s.expect(run, "created=1 parked=2") {
			if r.name == "goal 1" && !strings.HasPrefix(r.fate.Reason, "goals that may be this row's, or another's") {
				t.Errorf("%s: %s", r.key, r.fate.Reason)
			}
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// Doubts that are more than a budget has calls for are settled all the same,
// some by each process.
func TestSettlingWithinABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, creates(1, 45), planOptions{}).Run
		m.session(true, func(int) bool { return false })
		for range 9 { // five doubts each, and a probe without an answer
			s.mustApply(d, run, ApplyConfig{Workers: 1})
		}
		s.expect(run, "in_doubt=45")
		m.session(true, nil)
		s.leave(d)
		for i, sum := range []string{"in_doubt=25 pending=20", "pending=45"} {
			d := s.desk()
			cfg := ApplyConfig{Settle: settleTime, Limits: Limits{Calls: 35}}
			if _, err := s.carryOut(d, run, cfg, func(cfg ApplyConfig) (Outcome, error) { return Settle(t.Context(), t.Context(), cfg, nil) }); err != nil {
				t.Fatal(err)
			}
			if s.expect(run, sum); t.Failed() {
				t.Fatalf("after process %d", i+1)
			}
			s.leave(d)
		}
		s.closeRun(run)
	})
}
