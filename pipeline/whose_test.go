package pipeline

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// lost is a run whose last row, "goal 2" of IBM, is in doubt and not in the
// tenant; the first one tells what the tenant makes of names.
func lost(s *stage, d *desk, o planOptions) ApplyConfig {
	s.Helper()
	run := s.plan(d, creates(1, 2), o).Run
	s.watch.onWrite(func(n int) bool { return n != 2 })
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.expect(run, "created=1 in_doubt=1")
	return s.config(d, run)
}

// A goal of the row's name and fields is not the row's where it belongs to
// another company than that which other rows of the same name were given.
func TestGoalOfAnotherCompany(t *testing.T) {
	t.Parallel()
	s := newStage(t, "select=exact")
	d := s.desk()
	cfg := lost(s, d, planOptions{})
	s.direct("goal 2", "Meta", "first")
	s.mustApply(d, cfg.Run, cfg)
	rows := s.expect(cfg.Run, "created=2")
	if n, made := s.watch.of("goal 2"); n != 1 || len(made) != 1 || made[0] != rows[1].fate.Gsid { // the call that was lost did not arrive
		t.Errorf("%d calls, made %v, told %s", n, made, rows[1].fate.Gsid)
	}
	s.closeRun(cfg.Run)
	s.leave(d)
}

// The goal that has every field as sent is the row's; one that differs in a
// field may be.
func TestGoalAsSent(t *testing.T) {
	t.Parallel()
	for description, sum := range map[string]string{"first": "created=2", "words": "created=1 parked=1"} {
		t.Run(description, func(t *testing.T) {
			s := newStage(t, "select=exact")
			d := s.desk()
			cfg := lost(s, d, planOptions{})
			s.direct("goal 2", "IBM", description)
			began := time.Now()
			s.mustApply(d, cfg.Run, cfg)
			fate := s.expect(cfg.Run, sum)[1].fate
			if n, _ := s.watch.of("goal 2"); n != 0 {
				t.Errorf("sent %d times more", n)
			}
			doubts, err := cfg.Run.Doubts(t.Context())
			if err != nil || fate.Server == 0 || fate.Server != doubts.Rows[0].Since || fate.At < began.UnixMilli() {
				t.Errorf("%+v, of %+v, %v", fate, doubts, err)
			}
			s.closeRun(cfg.Run)
			s.leave(d)
		})
	}
}

// A goal that another user made may be the row's, since keys are changed, but
// that is not sure. Where the run does not know its own user any may be it.
func TestGoalOfAnotherUser(t *testing.T) {
	t.Parallel()
	s := newStage(t, "select=exact")
	d := s.desk()
	cfg := lost(s, d, planOptions{})
	s.direct("goal 2", "IBM", "first")
	s.watch.onRead(func(_ string, answer *httptest.ResponseRecorder) {
		answer.Body = bytes.NewBuffer(regexp.MustCompile(`"CreatedById":"[^"]*"`).ReplaceAll(answer.Body.Bytes(), []byte(`"CreatedById":"1P0SOMEBODYELSE0000000000000000000001"`)))
	})
	s.mustApply(d, cfg.Run, cfg)
	s.expect(cfg.Run, "created=1 parked=1")
	s.closeRun(cfg.Run)
	run := s.plan(d, creates(5, 1), planOptions{id: "b"}).Run
	s.watch.onWrite(func(n int) bool { return n != 1 })
	s.mustApply(d, run, ApplyConfig{})
	s.direct("goal 5", "IBM", "first")
	s.mustApply(d, run, ApplyConfig{Settle: 50 * time.Millisecond})
	s.expect(run, "created=1")
	s.closeRun(run)
	s.leave(d)
}

// A goal of the row's name that bears the marker of another row is not the
// row's; one whose marker was cut may be.
func TestGoalOfAnotherMarker(t *testing.T) {
	t.Parallel()
	const field = "cust_string_value__gc"
	for marker, sum := range map[string]string{"elsewhere/9": "created=2", "a/": "created=1 parked=1"} {
		t.Run(marker, func(t *testing.T) {
			s := newStage(t, "select=exact")
			d := s.desk()
			cfg := lost(s, d, planOptions{marker: field})
			s.directly(http.MethodPost, "create", fmt.Sprintf(`{"requests":[{"record":{%q:%q,"Name":"goal 2","StatusName":"New","EntityType":"COMPANY","CompanyId":%q,"Description":"first"}}]}`, field, marker, s.company("IBM")))
			s.mustApply(d, cfg.Run, cfg)
			rows := s.expect(cfg.Run, sum)
			if parked := rows[1].fate.Reason; strings.HasPrefix(sum, "created=1") && !strings.Contains(parked, s.goals()["goal 2"][0].Gsid) {
				t.Error(parked)
			}
			s.closeRun(cfg.Run)
			s.leave(d)
		})
	}
}

// A row that is parked holds the others of its key back, in the same run too.
func TestParkedRowHoldsItsKeyBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, twins("a", "b"), planOptions{onDuplicate: DuplicateCreate}).Run
	s.watch.onWrite(func(n int) bool {
		if n == 1 {
			s.direct("twin", "IBM", "words")
		}
		return n != 1
	})
	s.mustApply(d, run, ApplyConfig{Workers: 1, Settle: 50 * time.Millisecond})
	s.expect(run, "parked=1 pending=1")
	s.twinGoals(1)
	s.closeRun(run)
	s.leave(d)
}
