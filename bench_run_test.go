package gsbatch_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is one run of a process.
type sample struct {
	wall  float64 // seconds from start to end
	cpu   float64 // seconds of all its threads
	peak  float64 // MB resident at most; 0 where the system does not tell
	began time.Time
	out   string // stdout
}

// contender is a process that is run several times, each time made anew.
type contender struct {
	name string
	cmd  func() *exec.Cmd
	exit int                           // that it must leave with
	want string                        // that its output must have
	then func(t *testing.T, s *sample) // after each run, may be nil
}

// contest runs the contenders in turn, rounds times, so that what disturbs the
// machine disturbs all of them. The first is the one whose figure is wanted.
func contest(t *testing.T, rounds int, contenders ...contender) [][]sample {
	t.Helper()
	all := make([][]sample, len(contenders))
	for range rounds {
		for i, c := range contenders {
			s := execute(t, c)
			if c.then != nil {
				c.then(t, &s)
			}
			t.Logf("%s: %.2f s, %.2f s of CPU, %.0f MB", c.name, s.wall, s.cpu, s.peak)
			all[i] = append(all[i], s)
		}
	}
	return all
}

func execute(t *testing.T, c contender) sample {
	t.Helper()
	cmd := c.cmd()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	s := sample{began: time.Now()}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	watched, ended := make(chan float64), make(chan struct{})
	go func() { watched <- watchPeak(cmd, ended) }()
	_ = cmd.Wait() // the exit code is looked at below
	s.wall = time.Since(s.began).Seconds()
	close(ended)
	s.peak = <-watched
	s.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	s.out = out.String()
	if code := cmd.ProcessState.ExitCode(); code != c.exit || !strings.Contains(s.out, c.want) {
		t.Fatalf("%s: exit %d, want %d and %q in the output:\n%.2000s\n%.2000s", c.name, code, c.exit, c.want, s.out, errs.String())
	}
	return s
}

// watchPeak looks at the most memory that was resident. The rusage of a child
// would count this process's own, which it shares until it has become another
// program.
func watchPeak(cmd *exec.Cmd, ended <-chan struct{}) (mb float64) {
	name := "Name:\t" + filepath.Base(cmd.Path)
	name = name[:min(len(name), len("Name:\t")+15)] // as much as the kernel keeps
	for {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // it may be gone
		if _, rest, found := strings.Cut(string(text), "VmHWM:"); found && strings.HasPrefix(string(text), name) {
			kib := 0.0
			_, _ = fmt.Sscan(rest, &kib)
			mb = kib * 1024 / 1e6
		}
		select {
		case <-ended:
			return mb
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

func medianOf(samples []sample, figure func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return median(values)
}

func wall(s sample) float64      { return s.wall }
func peak(s sample) float64      { return s.peak }
func processor(s sample) float64 { return s.cpu }

// quotient is the median of a's figure over b's, run by run.
func quotient(a, b []sample, figure func(sample) float64) float64 {
	var values []float64
	for i := range a {
		values = append(values, figure(a[i])/figure(b[i]))
	}
	return median(values)
}

// program is gsbatch with a state and a report folder of its own, no quota and
// no progress. Each call makes new folders, unless state names one.
func (b *bench) program(state string, args ...string) *exec.Cmd {
	b.runs++
	own := filepath.Join(b.dir, fmt.Sprintf("run-%d", b.runs))
	if state == "" {
		state = own
	}
	cmd := exec.Command(b.binary, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "HOME="+own, "XDG_CONFIG_HOME="+own, "XDG_STATE_HOME="+own, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent",
		"GSBATCH_STATE="+state, "GSBATCH_BASE_URL="+b.server.url, "GSBATCH_ACCESS_KEY="+benchKey, "GSBATCH_PROGRESS=none")
	return cmd
}

// peer is a contender of TestBenchPeer.
func (b *bench) peer(name string, args ...string) contender {
	return contender{name: name, want: " rows\n", cmd: func() *exec.Cmd {
		cmd := exec.Command(b.self, "-test.run=^TestBenchPeer$")
		cmd.Env = append(os.Environ(), "GSBATCH_BENCH_PEER="+strings.Join(append([]string{name}, args...), "\n"))
		return cmd
	}}
}

// sweep removes what runs left, so that a disk holds the benchmark.
func (b *bench) sweep(t *testing.T) {
	t.Helper()
	runs, err := filepath.Glob(filepath.Join(b.dir, "run-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(runs, filepath.Join(b.dir, "gsbatch-out")) {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
}
