package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gsbatch/checkpoint"
)

// metricsEvery is how often the metrics file is written during a run.
const metricsEvery = 5 * time.Second

// metricsFile is --metrics-file: what a run came to, in the text format of
// Prometheus, for a collector of such files. It appears whole or not at all. A
// nil one writes nothing.
type metricsFile struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	began   time.Time
	written time.Time
	success time.Time // of the last run that ended well, as an earlier file says
	info    checkpoint.Info
}

// startMetrics begins the file that path names and keeps it with the app,
// which writes it on every way out. A folder that is not there is found out
// now. path "" is none.
func (app *App) startMetrics(path string) error {
	if path == "" {
		return nil
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return failf(exitNoWrite, "name it in full", "%s: %w", app.settings.place("metrics-file"), err)
	}
	m := &metricsFile{path: full, now: app.now, began: app.now(), success: lastSuccess(full)}
	if err := m.write(-1); err != nil {
		return failf(exitNoWrite, "name a file in a folder that can be written", "%s: %w", app.settings.place("metrics-file"), err)
	}
	app.metrics = m
	return nil
}

// lastSuccess is what a file of an earlier run says of it; zero where it says nothing.
func lastSuccess(path string) time.Time {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "gsbatch_last_success_timestamp_seconds "); ok {
			if s, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && s > 0 {
				return time.Unix(s, 0)
			}
		}
	}
	return time.Time{}
}

// update takes the account of the run, and writes it where the last is old.
// That it cannot be written is told in the end.
func (m *metricsFile) update(info checkpoint.Info) {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.info = info
	old := m.now().Sub(m.written) >= metricsEvery
	m.mu.Unlock()
	if old {
		_ = m.write(-1)
	}
}

// finish writes the file with the exit code.
func (m *metricsFile) finish(code int) error {
	if m == nil {
		return nil
	}
	return m.write(code)
}

// write writes the file; code -1 is that of a run under way.
func (m *metricsFile) write(code int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.written = m.now()
	if code == exitOK {
		m.success = m.written
	}
	// Not 0600: a collector of another user reads it, and it has no customer's
	// data. Not of a name that a collector takes before it is whole.
	temp, err := os.CreateTemp(filepath.Dir(m.path), ".gsbatch-metrics-*")
	if err != nil {
		return err
	}
	_, err = temp.WriteString(m.text(code))
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), m.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// text is the file.
func (m *metricsFile) text(code int) string {
	var out strings.Builder
	labels := fmt.Sprintf("run=%q,object=%q", m.info.ID, m.info.Object)
	family := func(name, kind, help string) {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	family("gsbatch_rows", "gauge", "Rows of the run by status.")
	c := m.info.Counts
	for _, part := range []struct {
		status checkpoint.Status
		n      int
	}{
		{checkpoint.Created, c.Created}, {checkpoint.Updated, c.Updated}, {checkpoint.Deleted, c.Deleted}, {checkpoint.Unchanged, c.Unchanged},
		{checkpoint.Rejected, c.Rejected}, {checkpoint.Invalid, c.Invalid}, {checkpoint.Skipped, c.Skipped}, {checkpoint.Stale, c.Stale},
		{checkpoint.InDoubt, c.InDoubt}, {checkpoint.Parked, c.Parked}, {checkpoint.Pending, c.Pending},
	} {
		fmt.Fprintf(&out, "gsbatch_rows{%s,status=%q} %d\n", labels, part.status, part.n)
	}
	family("gsbatch_calls_total", "counter", "Calls of the run by endpoint.")
	for _, endpoint := range slices.Sorted(maps.Keys(m.info.Calls.ByEndpoint)) {
		fmt.Fprintf(&out, "gsbatch_calls_total{%s,endpoint=%q} %d\n", labels, endpoint, m.info.Calls.ByEndpoint[endpoint])
	}
	for _, one := range []struct {
		name, kind, help string
		value            string
	}{
		{"gsbatch_throttled_total", "counter", "Calls of the run that were refused for the quota.", strconv.Itoa(m.info.Calls.Throttled)},
		{"gsbatch_retried_total", "counter", "Calls of the run that were made again.", strconv.Itoa(m.info.Calls.Retried)},
		{"gsbatch_seconds", "gauge", "How long this command has run.", strconv.FormatFloat(m.written.Sub(m.began).Seconds(), 'f', 3, 64)},
	} {
		family(one.name, one.kind, one.help)
		fmt.Fprintf(&out, "%s{%s} %s\n", one.name, labels, one.value)
	}
	if code >= 0 {
		family("gsbatch_exit_code", "gauge", "How the command ended; absent while it runs.")
		fmt.Fprintf(&out, "gsbatch_exit_code{%s} %d\n", labels, code)
	}
	family("gsbatch_last_written_timestamp_seconds", "gauge", "When this file was written.")
	fmt.Fprintf(&out, "gsbatch_last_written_timestamp_seconds %d\n", m.written.Unix())
	if !m.success.IsZero() {
		family("gsbatch_last_success_timestamp_seconds", "gauge", "When a command that writes this file last ended with exit 0.")
		fmt.Fprintf(&out, "gsbatch_last_success_timestamp_seconds %d\n", m.success.Unix())
	}
	return out.String()
}
