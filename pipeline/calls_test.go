package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// slotBook is a ledger that counts the slots it gives, and those of them that
// come back unused.
type slotBook struct {
	gainsight.Ledger
	leased, unused atomic.Int64
	onLease        func()
}

func (b *slotBook) Lease(ctx context.Context, now time.Time, calls int, window time.Duration, daily int, since time.Time) (int64, time.Time, string, error) {
	id, again, why, err := b.Ledger.Lease(ctx, now, calls, window, daily, since)
	if id != 0 {
		b.leased.Add(1)
		if b.onLease != nil {
			b.onLease()
		}
	}
	return id, again, why, err
}

func (b *slotBook) Free(ctx context.Context, id int64, usable time.Time) error {
	if !usable.After(time.Now()) {
		b.unused.Add(1)
	}
	return b.Ledger.Free(ctx, id, usable)
}

// A slot of the quota under which no call is made is given back, whatever kept
// the call from being made, and none is made then.
func TestSlotsThatAreNotUsed(t *testing.T) {
	t.Parallel()
	op := checkpoint.Op{Seq: 1, Line: 2, Action: "create", Names: "Company Nobody", Item: `{"record":{"Name":"goal 1"}}`}
	for name, tt := range map[string]struct {
		meddle func(a *apply, book *slotBook)
		stops  []StopReason
		begun  int64
	}{
		"the run ends meanwhile": {func(a *apply, book *slotBook) { book.onLease = func() { a.stops.add(Stop{Reason: StopErrors}) } }, []StopReason{StopErrors}, 7},
		"no call is left":        {func(a *apply, _ *slotBook) { a.cfg.Limits.Calls = 7 }, []StopReason{StopBudget}, 8},
		"its names are refused meanwhile": {func(a *apply, _ *slotBook) {
			a.cfg.Limits.Calls = 9
			a.refused[op.Names] = "refused"
		}, nil, 7},
		"the intent cannot be kept": {func(a *apply, _ *slotBook) { a.journal.Close() }, []StopReason{StopStorage}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			run := s.plan(d, creates(1, 1), planOptions{}).Run
			book := &slotBook{Ledger: gainsight.NewMemoryLedger()}
			cfg := s.config(d, run)
			cfg.Gate = gainsight.NewGate(book, gainsight.Limits{Calls: 10, Window: time.Minute})
			out, err := carryOut(t.Context(), t.Context(), cfg, true, func(a *apply, _ context.Context) error {
				a.begun.Store(7)
				tt.meddle(a, book)
				if _, sent := a.send(&op, 1); sent || a.begun.Load() != tt.begun {
					t.Errorf("sent %v, %d calls begun", sent, a.begun.Load())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			s.stopped(out, tt.stops...)
			if book.leased.Load() != 1 || book.unused.Load() != 1 || s.watch.count() != 0 {
				t.Errorf("%d slots, %d of them unused, %d calls", book.leased.Load(), book.unused.Load(), s.watch.count())
			}
			s.closeRun(run)
			s.leave(d)
		})
	}
}

// What a call that did not leave is followed by: two more tries, after waits
// that grow, and then the end of the run.
func TestTriesOfACallThatDidNotLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		again := time.Now().Add(time.Hour)
		refused, used := errors.New("connection refused"), fmt.Errorf("quota: %w", &gainsight.DayUsedError{Again: again})
		over, cut := context.WithCancel(t.Context())
		cut()
		for name, tt := range map[string]struct {
			calling context.Context
			err     error
			tries   int
			more    bool
			after   time.Duration
			stop    Stop
		}{
			"first":      {t.Context(), refused, 1, true, 250 * time.Millisecond, Stop{}},
			"second":     {t.Context(), refused, 2, true, time.Second, Stop{}},
			"third":      {t.Context(), refused, 3, false, 0, Stop{Reason: StopUnreachable, Detail: "connection refused"}},
			"grace over": {over, refused, 3, false, 0, Stop{}},
			"day used":   {t.Context(), used, 1, false, 0, Stop{Reason: StopQuota, Detail: used.(interface{ Unwrap() error }).Unwrap().Error(), ResumeAt: again}},
		} {
			a := &apply{calling: tt.calling, stops: newStops(t.Context(), 0)}
			began := time.Now()
			more := a.mayTryAgain(gainsight.Answer{Verdict: gainsight.NotSent, Err: tt.err}, tt.tries)
			if after := time.Since(began); more != tt.more || after != tt.after {
				t.Errorf("%s: %v after %v", name, more, after)
			}
			if got := append(a.stops.all(), Stop{})[0]; got != tt.stop {
				t.Errorf("%s: %+v", name, got)
			}
			a.stops.release()
		}
	})
}

// A run that is taken up while nobody answers gives each row its tries anew.
func TestTriesOfAResumedRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		d := s.desk()
		run := s.plan(d, creates(1, 1), planOptions{}).Run
		s.goAway(d)
		for session := range 3 {
			s.stopped(s.mustApply(d, run, ApplyConfig{}), StopUnreachable)
			if n := s.expect(run, "pending=1")[0].fate.Attempts; n != (session+1)*maxAttempts {
				t.Errorf("session %d: %d attempts", session, n)
			}
		}
		s.closeRun(run)
		s.leave(d)
	})
}

// Where too many calls have to be made again the run ends, and says so. A row
// whose call was answered, but for the whole call, is none of them.
func TestTooManyCallsMadeAgain(t *testing.T) {
	t.Parallel()
	a := &apply{stops: newStops(t.Context(), 0), ended: map[int64]ended{1: {}, 2: {answered: true}}}
	defer a.stops.release()
	for seq, again := range map[int64]bool{1: true, 2: false, 3: false} {
		if a.doubtful(&checkpoint.Op{Seq: seq}) != again {
			t.Errorf("row %d: %v", seq, !again)
		}
	}
	for n := range retryFloor + 2 {
		if a.mayRepeat(n > 0) != (n <= retryFloor) {
			t.Errorf("the %dth call made again: %v", n, n > retryFloor)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
		s.server.Config.SetKeepAlivesEnabled(false)
		d := s.desk()
		run := s.plan(d, creates(1, 40), planOptions{}).Run
		m.session(true, nil)
		d.client.Close()
		whole, dials := s.dial, 0
		s.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials%3 != 0 {
				return nil, errors.New("no route")
			}
			return whole(ctx, network, address)
		}
		e := s.desk()
		out := s.mustApply(e, run, ApplyConfig{Workers: 1})
		s.stopped(out, StopRetries)
		if detail := out.Stops[0].Detail; detail != "21 of 32 calls were made for rows that had been sent before" {
			t.Error(detail)
		}
		if s.expect(run, "created=10 pending=30"); out.Calls.Retried != 20 {
			t.Errorf("%+v", out.Calls)
		}
		s.closeRun(run)
		s.leave(e)
		s.leave(d)
	})
}

// The intent of a row tells the latest time that the tenant has told: by the
// clock that dates records, where an answer told one.
func TestTimeOfAnIntent(t *testing.T) {
	t.Parallel()
	const ahead = 10 * time.Minute // is the gateway's clock
	for company, skew := range map[string]time.Duration{"IBM": 0, "Nobody #": ahead} {
		t.Run(company, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := newSimulated(t, 1, rand.New(rand.NewPCG(1, 1)))
				m.skew = ahead
				s.timeout = 3 * time.Hour
				d := s.desk()
				text := header
				for i := range 3 {
					text += fmt.Sprintf("goal %d,New,COMPANY,%s,\n", i, strings.ReplaceAll(company, "#", fmt.Sprint(i)))
				}
				run := s.plan(d, text, planOptions{}).Run
				var second time.Time
				m.session(true, func(n int) bool {
					time.Sleep(time.Hour)
					if n == 2 {
						second = time.Now()
					}
					return n != 3
				})
				s.mustApply(d, run, ApplyConfig{Workers: 1})
				doubts, err := run.Doubts(t.Context())
				if err != nil || len(doubts.Rows) != 1 {
					t.Fatalf("%+v, %v", doubts, err)
				}
				if since := time.UnixMilli(doubts.Rows[0].Since); second.Add(skew).Sub(since).Abs() > time.Second {
					t.Errorf("the third call knows of %v, the second was at %v", since, second)
				}
				s.closeRun(run)
				s.leave(d)
			})
		})
	}
}

// What becomes of the run by the error of a call or of the quota.
func TestFaults(t *testing.T) {
	t.Parallel()
	failed := func(verdict gainsight.Verdict, status int, message string) error {
		return gainsight.Answer{Verdict: verdict, HTTPStatus: status, Message: message}.Failure("fetch goals")
	}
	storage := &checkpoint.StorageError{Path: "x", Err: errors.New("disk full")}
	again := time.Now()
	used := &gainsight.DayUsedError{Again: again}
	for name, tt := range map[string]struct {
		err  error
		stop Stop
	}{
		"day":        {fmt.Errorf("quota: %w", used), Stop{Reason: StopQuota, Detail: used.Error(), ResumeAt: again}},
		"checkpoint": {fmt.Errorf("quota ledger: %w", storage), Stop{Reason: StopStorage}},
		"host":       {failed(gainsight.Fatal, 404, "no such page"), Stop{Reason: StopUnreachable, Detail: "no such page; see whether --base-url is the tenant's"}},
		"key":        {failed(gainsight.Fatal, 401, "bad key"), Stop{Reason: StopRefused, Detail: "bad key"}},
		"answer":     {failed(gainsight.InDoubt, 502, ""), Stop{Reason: StopUnreachable, Detail: "HTTP 502 without a reason"}},
		"else":       {errors.New("no route"), Stop{Reason: StopUnreachable, Detail: "no route"}},
	} {
		a := &apply{stops: newStops(t.Context(), 0)}
		a.fault(tt.err)
		got := append(a.stops.all(), Stop{})[0]
		if (got.Err != nil) != (tt.stop.Reason == StopStorage) || got.Err != nil && !errors.Is(got.Err, storage) {
			t.Errorf("%s: %v", name, got.Err)
		}
		if got.Err = nil; got != tt.stop {
			t.Errorf("%s: %+v", name, got)
		}
		a.fault(errors.New("it is ending")) // adds nothing
		if n := len(a.stops.all()); n != 1 {
			t.Errorf("%s: %d stops", name, n)
		}
		a.stops.release()
	}
}

// Doubts hold the run back when five of them come in a row, and end it when the
// tenant answers fetches, and no write, or no fetch either.
func TestDoubtsInARow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings string
		budget   int64  // of calls, for these
		answered string // which writes are
		writes   int
		stops    []StopReason
		detail   string
	}{
		"broken by answers":       {"", 0, "....C....R....C....", 19, nil, ""},
		"fetches are answered":    {"", 0, "....................", 15, []StopReason{StopUnreachable}, "15 writes in a row had no answer that can be read"},
		"a fetch is not":          {"faults.on=fetch,fault.html=1", 0, "....................", 5, []StopReason{StopUnreachable}, "--base-url"},
		"no call is left for one": {"", 5, "....................", 5, []StopReason{StopBudget}, "--max-calls"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			text := header
			for i, how := range tt.answered {
				text += fmt.Sprintf("goal %d,New,COMPANY,%s,\n", i, map[rune]string{'.': "IBM", 'C': "IBM", 'R': "Nobody"}[how])
			}
			run := s.plan(d, text, planOptions{}).Run
			s.set(tt.settings)
			s.watch.onWrite(func(n int) bool { return tt.answered[n-1] != '.' })
			cfg := ApplyConfig{Workers: 1}
			if tt.budget > 0 {
				cfg.Limits.Calls = int64(d.client.Calls()["picklists"]) + tt.budget
			}
			out := s.mustApply(d, run, cfg)
			s.stopped(out, tt.stops...)
			if len(out.Stops) > 0 && !strings.Contains(out.Stops[0].Detail, tt.detail) {
				t.Errorf("detail %q", out.Stops[0].Detail)
			}
			if n := s.watch.count(); n != tt.writes || tt.stops == nil && out.Calls.ByEndpoint["goals.fetch"] > 0 {
				t.Errorf("%d writes; %+v", n, out.Calls)
			}
			s.closeRun(run)
			s.leave(d)
		})
	}
}

// What of an answer is written down.
func TestOutcomeOfAnAnswer(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_000)
	parents := map[string]string{"RelationshipId": "R", "CompanyId": "C"}
	op := func(action, names string) *checkpoint.Op { return &checkpoint.Op{Seq: 4, Action: action, Names: names} }
	for name, tt := range map[string]struct {
		op     *checkpoint.Op
		answer gainsight.Answer
		want   checkpoint.Event
	}{
		"created": {op("create", "Company IBM"), gainsight.Answer{Verdict: gainsight.Done, Gsid: "G", HTTPStatus: 200, ServerTime: at.Add(time.Hour), Recorded: at, Parents: parents, UserID: "U", RequestID: "Q"},
			checkpoint.Event{Status: checkpoint.Created, Gsid: "G", HTTP: 200, Server: at.UnixMilli(), Parents: "CompanyId=C;RelationshipId=R", User: "U", RequestID: "Q"}},
		"updated, without names": {op("update", ""), gainsight.Answer{Verdict: gainsight.Done, ServerTime: at, Parents: parents}, checkpoint.Event{Status: checkpoint.Updated, Server: at.UnixMilli()}},
		"deleted":                {op("delete", ""), gainsight.Answer{Verdict: gainsight.Done}, checkpoint.Event{Status: checkpoint.Deleted}},
		"rejected": {op("create", "Company IBM"), gainsight.Answer{Verdict: gainsight.Rejected, Code: "GS_8008", Message: "no match"},
			checkpoint.Event{Status: checkpoint.Rejected, Code: "GS_8008", Reason: "no match; correct the name, give the record's Gsid, or turn names into Gsids with --id-map"}},
		"cut off":      {op("create", ""), gainsight.Answer{Verdict: gainsight.InDoubt, Err: errors.New("EOF")}, checkpoint.Event{Status: checkpoint.InDoubt, Reason: "EOF"}},
		"half a word":  {op("create", ""), gainsight.Answer{Verdict: gainsight.InDoubt, HTTPStatus: 502}, checkpoint.Event{Status: checkpoint.InDoubt, HTTP: 502, Reason: "HTTP 502 without a reason"}},
		"never came":   {op("create", ""), gainsight.Answer{Verdict: gainsight.NotSent}, checkpoint.Event{Status: checkpoint.Pending, Reason: "no answer"}},
		"refused, all": {op("create", ""), gainsight.Answer{Verdict: gainsight.Fatal, Message: "bad key"}, checkpoint.Event{Status: checkpoint.Pending, Reason: "bad key"}},
	} {
		got := outcome(tt.op, 2, &tt.answer)
		if time.Since(time.UnixMilli(got.At)) > time.Minute {
			t.Errorf("%s: at %d", name, got.At)
		}
		got.At, tt.want.Kind, tt.want.Seq, tt.want.Attempt = 0, checkpoint.Outcome, 4, 2
		if got != tt.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tt.want)
		}
	}
}

// The largest time is kept, whatever comes after it.
func TestLargestTime(t *testing.T) {
	t.Parallel()
	var largest atomic.Int64
	for _, ms := range []int64{5, 3, 7, 7} {
		seen(&largest, time.UnixMilli(ms))
	}
	if seen(&largest, time.Time{}); largest.Load() != 7 {
		t.Error(largest.Load())
	}
	a := &apply{}
	a.serverTime.Store(9)
	if a.tenantTime() != 9 {
		t.Error(a.tenantTime())
	}
	if a.recorded.Store(7); a.tenantTime() != 7 {
		t.Error(a.tenantTime())
	}
}
