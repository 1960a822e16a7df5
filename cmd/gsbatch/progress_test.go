package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shown runs updates on the progress of a mode, a second apart, and returns stderr.
func shown(t *testing.T, mode string, total int64, updates ...Status) string {
	t.Helper()
	var out bytes.Buffer
	app := testApp(t, &out, nil)
	now := time.Date(2025, 3, 4, 12, 0, 0, 0, time.Local)
	app.now = func() time.Time { return now }
	p := newProgress(app, mode, total)
	for _, s := range updates {
		p.Update(s)
		now = now.Add(time.Second)
	}
	p.Finish()
	return out.String()
}

func TestPlainProgress(t *testing.T) {
	noon := time.Date(2025, 3, 4, 12, 0, 0, 0, time.Local)
	got := shown(t, "auto", 1000,
		Status{Phase: "sending", Done: 500, Total: 1000, Created: 500},
		Status{Phase: "sending", Done: 510, Total: 1000, Created: 510},
		Status{Phase: "sending", Done: 560, Total: 1000, Created: 550, Rejected: 9, InDoubt: 1, Speed: 99.6, QuotaLeft: 12, QuotaPer: time.Minute,
			Waiting: noon.Add(30 * time.Second), Why: "window", ETA: noon.Add(26 * time.Hour)},
		Status{Phase: "settling", Done: 1000, Total: 1000, Created: 1000},
		Status{Phase: "settling", Done: 1000, Total: 1000, Created: 1000},
	)
	want := `sending 500/1000 rows, 500 created
sending 560/1000 rows, done by 2025-03-05 14:00, waiting until 12:00:30 (window), 550 created, 9 rejected, 1 in doubt, quota 12/1m left, 100/min
settling 1000/1000 rows, 1000 created
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlainProgressGrowsSeldom(t *testing.T) {
	var updates []Status
	for i := range 3600 {
		updates = append(updates, Status{Phase: "sending", Done: int64(i), Total: 1e6})
	}
	lines := strings.Count(shown(t, "plain", 1e6, updates...), "\n")
	if lines < 100 || lines > 115 { // 60 in ten minutes, then one a minute
		t.Errorf("%d lines in an hour", lines)
	}
}

func TestJSONProgress(t *testing.T) {
	got := shown(t, "json", 0,
		Status{Phase: "reading", Done: 1},
		Status{Phase: "sending \u202e", Done: 2, Total: 3, Parked: 1, QuotaPer: time.Minute},
	)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), got)
	}
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[2]), &last); err != nil {
		t.Fatal(err)
	}
	if last["event"] != "done" || last["done"] != 2.0 || last["total"] != 3.0 || last["parked"] != 1.0 || last["quota_left"] != 0.0 || last["created"] != 0.0 {
		t.Errorf("last line %s", lines[2])
	}
	if strings.Contains(got, "\u202e") {
		t.Error("a bidi control was printed")
	}
}

// TestBarIsNoSourceOfCounts resumes at 900 of 1000 and goes past a total that
// was wrong; what is told is what the caller counted.
func TestBarIsNoSourceOfCounts(t *testing.T) {
	for _, total := range []int64{0, 1000} {
		got := shown(t, "bar", total,
			Status{Phase: "sending", Done: 900, Total: total, Created: 900},
			Status{Phase: "sending", Done: 1001, Total: total, Created: 1001})
		last := got[strings.LastIndex(got, "\x1b[2K")+len("\x1b[2K"):]
		want := fmt.Sprintf("sending 1001/%d rows, 1001 created\n", total)
		if total == 0 {
			want = "sending 1001 rows, 1001 created\n"
		}
		if last != want {
			t.Errorf("total %d: %q ends with %q", total, got, last)
		}
		if strings.Contains(got, "it/s") {
			t.Errorf("the library's own speed is shown: %q", got)
		}
	}
}

func TestBarIsDrawnTenTimesASecond(t *testing.T) {
	var out bytes.Buffer
	app := testApp(t, &out, nil)
	now := time.Unix(0, 0)
	app.now = func() time.Time { return now }
	p := newProgress(app, "bar", 1000)
	for i := range 999 {
		p.Update(Status{Done: int64(i), Total: 1000, Created: int64(i)})
		now = now.Add(time.Millisecond)
	}
	if n := strings.Count(out.String(), "created"); n > 25 {
		t.Errorf("%d drawings in a second", n)
	}
}

func TestLogStandsAboveTheBar(t *testing.T) {
	var out bytes.Buffer
	app := testApp(t, &out, nil)
	p := newProgress(app, "bar", 10)
	p.Update(Status{Done: 1, Total: 10})
	fmt.Fprintln(app.stderr, "a word")
	if !strings.Contains(out.String(), "\r\x1b[2Ka word\n") {
		t.Errorf("%q", out.String())
	}
}

func TestNoProgress(t *testing.T) {
	if got := shown(t, "none", 5, Status{Done: 5, Total: 5}); got != "" {
		t.Errorf("%q", got)
	}
}
