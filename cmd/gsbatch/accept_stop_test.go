//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignalDrains stops an import with one signal.
func TestSignalDrains(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 143} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "latency=100ms")
			s.writeCSV("goals.csv", goalHeader(), goalRows("Signal", 600))
			p := s.start("import", "goals.csv", "--json", "--workers", "16")
			s.until("40 write calls", func() bool { return s.writes() >= 40 })
			p.signal(sig)
			sent := s.writes()
			r := s.want(code, p)
			got := s.summaryOf(r)
			created := got.Counts["created"]
			s.counts(got, fmt.Sprintf("rows=600 created=%d pending=%d", created, 600-created))
			if created != s.writes() || created > sent+16+16 {
				t.Errorf("%d rows created by %d write calls, %d when the signal was sent", created, s.writes(), sent)
			}
			s.oneLine(r, "no further row was begun")
			s.resumable(got)
			s.proved(got.dir)

			if err := s.tenant.Set("latency=1ms"); err != nil {
				t.Fatal(err)
			}
			done := s.json(0, "resume")
			s.counts(done, "rows=600 created=600")
			s.proved(done.dir)
			if s.writes() != 600 || done.Next != "" || done.Run != got.Run {
				t.Errorf("%d write calls, then %+v", s.writes(), done)
			}
		})
	}
}

// resumable wants the summary to name the command that goes on.
func (s *stage) resumable(got summary) {
	s.Helper()
	if want := "gsbatch resume " + got.Run; !strings.HasPrefix(got.Next, want) {
		s.Errorf("next is %q, want %q", got.Next, want)
	}
}

// TestSecondSignalLeaves wants the program gone at once.
func TestSecondSignalLeaves(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=700ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Twice", 200))
	p := s.start("import", "goals.csv", "--workers", "8")
	s.until("8 write calls", func() bool { return s.writes() >= 8 })
	p.signal(syscall.SIGINT)
	time.Sleep(200 * time.Millisecond)
	second := time.Now()
	p.signal(syscall.SIGINT)
	s.want(130, p)
	if took := time.Since(second); took > 400*time.Millisecond {
		t.Errorf("it took %v to leave", took)
	}
	if err := s.tenant.Set("latency=1ms"); err != nil {
		t.Fatal(err)
	}
	s.until("the calls under way have ended", func() bool { return len(s.goals()) >= 8 })
	done := s.json(0, "resume")
	s.counts(done, "rows=200 created=200")
	s.proved(done.dir)
	s.neverAgain(done, 200)
}

// pause is a limit that ends a run early.
type pause struct {
	name     string
	switches string
	spoil    func([][]string)
	args     []string
	code     int
	counts   string
	created  [2]int // without counts: least and most
	says     string
	resume   []string
	then     int
	finally  string
	atMost   int // write calls until the stop; 0: as many as rows were decided
}

func refuse(every, first, last int) func([][]string) {
	return func(rows [][]string) {
		for i := first; i < last; i += every {
			rows[i][4] = fmt.Sprintf("Nowhere No. %d", i)
		}
	}
}

func pauses() []pause {
	return []pause{
		{name: "max-errors 5", spoil: refuse(10, 9, 100), args: []string{"--max-errors", "5", "--workers", "1"}, code: 6,
			created: [2]int{45, 47}, says: "--max-errors 5",
			resume: []string{"--max-errors", "100"}, then: 3, finally: "rows=100 created=90 rejected=10"},
		{name: "max-errors 5%", spoil: refuse(10, 9, 100), args: []string{"--max-errors", "5%", "--workers", "1"}, code: 6,
			created: [2]int{45, 47}, says: "--max-errors 5%",
			resume: []string{"--max-errors", "50%"}, then: 3, finally: "rows=100 created=90 rejected=10"},
		{name: "max-calls 50", args: []string{"--max-calls", "50"}, code: 7,
			counts: "rows=100 created=47 pending=53", says: "--max-calls 50",
			resume: []string{"--max-calls", "0"}, finally: "rows=100 created=100"},
		{name: "max-calls 5 at the pace of a quota", args: []string{"--max-calls", "5", "--rate", "1000/1m"}, code: 7,
			counts: "rows=100 created=2 pending=98", says: "--max-calls 5",
			resume: []string{"--max-calls", "0", "--rate", "0"}, finally: "rows=100 created=100"},
		{name: "max-duration 1s", switches: "latency=100ms", args: []string{"--max-duration", "1s", "--workers", "2"}, code: 7,
			created: [2]int{8, 30}, says: "--max-duration 1s", resume: []string{"--max-duration", "0", "--workers", "16"}, finally: "rows=100 created=100"},
		{name: "canary bad", spoil: refuse(1, 1, 2), args: []string{"--canary", "3"}, code: 6,
			counts: "rows=100 created=2 rejected=1 pending=97", says: "the first rows did not all succeed",
			resume: []string{"--canary", "0"}, then: 3, finally: "rows=100 created=99 rejected=1"},
		{name: "daily 60", args: []string{"--rate", "1000/1s", "--daily", "60"}, code: 7,
			counts: "rows=100 created=54 pending=46", says: "the day's calls are used", // 5 % are left to reads
			resume: []string{"--rate", "1000/1s", "--daily", "1000"}, finally: "rows=100 created=100"},
		{name: "half of a day of 120", args: []string{"--rate", "1000/1s", "--daily", "120", "--share", "50%", "--reserve", "0%", "--day-reset", "00:30+01"}, code: 7,
			counts: "rows=100 created=57 pending=43", says: "the day's calls are used",
			resume: []string{"--rate", "1000/1s", "--daily", "1000"}, finally: "rows=100 created=100"},
		{name: "tenant throttles", switches: "limit=40/1h:first,throttle.retry_after", args: []string{"--rate", "1000/1s"}, code: 7,
			counts: "rows=100 created=37 pending=63", says: "the day's calls are used", atMost: 37 + 64,
			resume: []string{"--rate", "0"}, finally: "rows=100 created=100"},
	}
}

func TestLimitsPauseTheRun(t *testing.T) {
	t.Parallel()
	for _, c := range pauses() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.switches)
			rows := goalRows("Limit", 100)
			if c.spoil != nil {
				c.spoil(rows)
			}
			s.writeCSV("goals.csv", goalHeader(), rows)
			r := s.run(c.code, append([]string{"import", "goals.csv", "--json"}, c.args...)...)
			got := s.summaryOf(r)
			if c.counts != "" {
				s.counts(got, c.counts)
			} else if n := got.Counts["created"]; n < c.created[0] || n > c.created[1] || got.Counts["pending"] != 100-n-got.Counts["rejected"] {
				t.Errorf("counts %v", got.Counts)
			}
			decided := got.Counts["created"] + got.Counts["rejected"]
			if n := s.writes(); n > max(decided, c.atMost) {
				t.Errorf("%d write calls for %d rows", n, decided)
			}
			s.oneLine(r, c.says)
			s.resumable(got)
			s.again(got, c)
			s.proved(got.dir)
			if err := s.tenant.Set("limit=off"); err != nil {
				t.Fatal(err)
			}
			s.setenv("GSBATCH_ACCESS_KEY", secretKey)
			done := s.json(c.then, append([]string{"resume"}, c.resume...)...)
			s.counts(done, c.finally)
			s.proved(done.dir)
			if done.ResumeAt != nil || done.Run != got.Run {
				t.Errorf("resumed: %+v", done)
			}
		})
	}
}

// again wants resume_at where waiting helps, and nothing sent before it.
func (s *stage) again(got summary, c pause) {
	s.Helper()
	waits := c.says == "the day's calls are used"
	if waits != (got.ResumeAt != nil) {
		s.Errorf("resume_at is %v", got.ResumeAt)
		return
	}
	if !waits {
		return
	}
	in := time.Until(*got.ResumeAt)
	switch fixed := slices.Contains(c.args, "--day-reset"); {
	case fixed && (got.ResumeAt.UTC().Format("15:04:05") != "23:30:00" || in > 24*time.Hour):
		s.Errorf("resume_at is %v, want the next 00:30+01", got.ResumeAt)
	case !fixed && (in < 50*time.Minute || in > 25*time.Hour):
		s.Errorf("resume_at is %v, in %v", got.ResumeAt, in)
	}
	if c.switches != "" {
		return // this process has not learned it from the ledger alone
	}
	writes := s.writes()
	early := s.json(7, "resume", "--rate", "1000/1s")
	if early.ResumeAt == nil || s.writes() != writes {
		s.Errorf("resumed too early: %d write calls, %+v", s.writes()-writes, early)
	}
}

func TestCanaryThatSings(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Canary", 40))
	s.counts(s.json(0, "import", "goals.csv", "--canary", "3"), "rows=40 created=40")
}

// TestErrorShareIsOfRowsSent resumes a run of which one row in ten is rejected,
// under a limit of one in five.
func TestErrorShareIsOfRowsSent(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	rows := goalRows("Share", 500)
	refuse(10, 9, 300)(rows)
	refuse(100, 360, 500)(rows)
	s.writeCSV("goals.csv", goalHeader(), rows)
	s.counts(s.json(7, "import", "goals.csv", "--max-errors", "20%", "--max-calls", "303", "--workers", "1"), "rows=500 created=270 rejected=30 pending=200")
	s.counts(s.json(3, "resume", "--workers", "1", "--max-calls", "0"), "rows=500 created=468 rejected=32")
}

// TestKeyRefusedInMidRun wants few calls after the first 401, and all rows kept.
func TestKeyRefusedInMidRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=20ms,key.revoked_after=42")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Revoked", 200))
	r := s.run(4, "import", "goals.csv", "--workers", "4", "--json", "--log-level", "debug")
	got := s.summaryOf(r)
	s.counts(got, "rows=200 created=39 pending=161")
	s.oneLine(r, "Invalid access key", "gsbatch login")
	s.resumable(got)
	if n := s.tenant.State().Calls.Unauthorized; n > 8 {
		t.Errorf("%d calls were refused", n)
	}
	if err := s.tenant.Set("key.revoked_after=0"); err != nil {
		t.Fatal(err)
	}
	done := s.json(0, "resume")
	s.counts(done, "rows=200 created=200")
	s.proved(done.dir)
}

// TestForeignPageInMidRun wants a page that is no answer to be no matter of the key.
func TestForeignPageInMidRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, "faults.on=create")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Page", 30))
	if err := s.tenant.Set("next.html=1"); err != nil {
		t.Fatal(err)
	}
	r := s.run(6, "import", "goals.csv", "--workers", "1", "--json")
	s.counts(s.summaryOf(r), "rows=30 pending=30")
	s.oneLine(r, "HTML", "--base-url")
	s.counts(s.json(0, "resume"), "rows=30 created=30")
}

// TestSignalAtTheLastRow stops an import whose last call is under way: nothing
// remains, so it ends like one that was not stopped.
func TestSignalAtTheLastRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=400ms")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Last", 2))
	p := s.start("import", "goals.csv", "--json")
	s.until("2 write calls", func() bool { return s.writes() == 2 })
	p.signal(syscall.SIGTERM)
	got := s.summaryOf(s.want(0, p))
	s.counts(got, "rows=2 created=2")
	if got.Next != "" {
		t.Errorf("next is %q", got.Next)
	}
	s.run(0, "import", "goals.csv")
	if s.writes() != 2 {
		t.Errorf("%d write calls", s.writes())
	}
}
