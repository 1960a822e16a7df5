package pipeline

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/validate"
)

// As TestSchedules, of templates and metrics, several a call, that are created,
// updated and deleted, and of which some are refused and some are gone already;
// and of goals that are updated.
func TestRecordSchedules(t *testing.T) {
	t.Parallel()
	n := uint64(number(t, "GSBATCH_SCHEDULES", schedules))
	if n > schedules {
		n /= 4 // one takes four times as long as one of TestSchedules
	}
	if testing.Short() {
		n = schedules / 10
	}
	var sum tally
	eachSeed(t, n, func(t *testing.T, seed uint64) { recordSchedule(t, seed, &sum) })
	t.Logf("promise R1: templates and metrics, deletes and updates of goals too: %s", &sum)
}

// recordSchedule plans some rows of one object and action, and sees them through.
func recordSchedule(t *testing.T, seed uint64, sum *tally) {
	random := rand.New(rand.NewPCG(seed, 43))
	s, m := newSimulated(t, seed, random)
	object := []string{"templates", "metrics", "goals"}[random.IntN(3)]
	action := []string{"create", "create", "update", "delete", "delete"}[random.IntN(5)]
	s.batch, m.refuse = 1+random.IntN(10), random.IntN(2) == 0
	if m.updates = object == "goals"; m.updates {
		action, s.batch, m.refuse = "update", 0, false
	} else {
		for i := range m.kinds {
			m.kinds[i] = recordMishaps()[random.IntN(len(recordMishaps()))]
		}
	}
	settles := newWaits(s, m, random)
	settles.off = random.IntN(8) == 0
	rows := 4 + random.IntN(24)
	d := s.desk()
	text, gsids, mode := recordRows(object, rows), []string(nil), validate.Mode("")
	if action != "create" {
		gsids = m.plant(object, rows)
		time.Sleep(5 * time.Minute)
		text, mode = givenRows(action, gsids), map[string]validate.Mode{"update": validate.UpdateOnly, "delete": validate.DeleteOnly}[action]
	}
	s.closeRun(s.plan(d, text, planOptions{object: object, mode: mode, compared: mode != ""}).Run)
	s.leave(d)
	time.Sleep(5 * time.Minute)
	gone := m.takeAway(object, action, gsids, random)
	d, run := s.seeThrough(m, random, calmFrom, settles, sum)
	m.log("%s %s, %d a call", action, object, s.batch)
	if action == "create" {
		s.judge(m, run, !settles.off, sum)
	} else {
		s.judgeChanges(m, run, action, gone, !settles.off, sum)
	}
	s.closeRun(run)
	s.leave(d)
}

// recordRows is a CSV file of n new records.
func recordRows(object string, n int) string {
	text, rest := "Name,Unit\n", "DECIMAL"
	if object == "templates" {
		text, rest = "Name,Due Days\n", "7"
	}
	for i := range n {
		text += fmt.Sprintf("new %d,%s\n", i, rest)
	}
	return text
}

// givenRows is a CSV file of records that are there, to be renamed or deleted.
func givenRows(action string, gsids []string) string {
	text := "Gsid,Name\n"
	for i, gsid := range gsids {
		text += fmt.Sprintf("%s,%s %d\n", gsid, action, i)
	}
	return text
}

// takeAway deletes some of the records behind the plan's back.
func (m *model) takeAway(object, action string, gsids []string, random *rand.Rand) map[string]bool {
	gone := map[string]bool{}
	for _, gsid := range gsids {
		if action == "delete" && random.IntN(8) == 0 {
			gone[gsid] = true
			_, path := pathsOf(object)
			m.call(http.MethodDelete, path, map[string]any{"recordIds": []string{gsid}})
		}
	}
	return gone
}

// judgeChanges holds the word of a run that updates or deletes against the
// model's book, and against what is there.
func (s *stage) judgeChanges(m *model, run *checkpoint.Run, action string, gone map[string]bool, settled bool, sum *tally) {
	s.Helper()
	sum.schedules.Add(1)
	sum.mishaps.Add(int64(m.mishaps))
	doubts, err := run.Doubts(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	sum.doubts.Add(int64(len(doubts.Rows)))
	there := m.there(run.Info().Object)
	rows := s.rows(run)
	var keys []string
	for i, r := range rows {
		keys = append(keys, r.key)
		times, name := len(m.carried[r.key]), there[r.key]
		told := fmt.Sprintf("%s is told as %s %s (%s), was carried out %d times (gone before: %v), and is there as %q", r.key, r.fate.Status, r.fate.Gsid, r.fate.Reason, times, gone[r.key], name)
		m.log("%s", told)
		sum.rows.Add(1)
		sum.calls.Add(int64(m.came[r.key]))
		done, undone := name == fmt.Sprintf("update %d", i), name == fmt.Sprintf("old %d", i)
		if action == "delete" {
			done, undone = name == "", name != ""
		}
		if times > 0 != done && !gone[r.key] {
			s.Error("the model's book is wrong: " + told)
		}
		kept := false
		switch r.fate.Status {
		case checkpoint.Updated, checkpoint.Deleted:
			kept = done && r.fate.Gsid == r.key && (times > 0 || gone[r.key])
			if r.fate.Code == "recovered" {
				sum.recovered.Add(1)
			}
		case checkpoint.Unchanged:
			kept = gone[r.key] && times == 0
		case checkpoint.Rejected:
			kept = (undone || gone[r.key] && m.refuses(r.key)) && times == 0
		case checkpoint.Skipped:
			kept = r.fate.Code == decidedByPerson
		case checkpoint.InDoubt, checkpoint.Parked:
			kept = r.fate.Reason != "" && (!settled || r.fate.Status == checkpoint.Parked)
			sum.parked.Add(1)
		}
		if !kept {
			sum.lost.Add(1)
			s.Error(told)
		}
	}
	s.intended("a", keys, func(row string) int { return m.came[row] }, m.refusals)
}
