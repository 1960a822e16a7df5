//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gsbatch/emulator"
)

// secretKey is the access key of every stage's tenant. It may turn up nowhere.
const secretKey = "CANARY-51b7e0c49d-access-key"

// patience is how long a command may take before it counts as hung.
const patience = 90 * time.Second

// stage is one test's world: a working folder with inputs and reports, a state
// folder, and a tenant on loopback. The program is run in processes of its
// own. After each of them stage checks the accounting law on every report
// folder there is; see account.
type stage struct {
	*testing.T
	dir    string
	env    []string
	tenant *emulator.Tenant
	url    string
	inputs map[string]*input // by the SHA-256 of the file
}

// input is a file as the reports must give it back.
type input struct {
	header []string
	rows   [][]string
	first  int // line of the first row
}

// newStage serves a tenant with these switches.
func newStage(t *testing.T, switches string) *stage {
	t.Helper()
	sw, err := emulator.ParseSwitches(switches)
	if err != nil {
		t.Fatal(err)
	}
	s := newBareStage(t)
	if s.tenant, err = emulator.New(emulator.Options{AccessKey: secretKey, Switches: sw}); err != nil {
		t.Fatal(err)
	}
	listener, err := emulator.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- emulator.Serve(ctx, listener, s.tenant) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-served, s.tenant.Close()); err != nil {
			t.Errorf("tenant: %v", err)
		}
	})
	s.url = emulator.URL(listener)
	s.setenv("GSBATCH_BASE_URL", s.url)
	s.setenv("GSBATCH_RATE", "0")
	return s
}

// newBareStage has no tenant.
func newBareStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	s := &stage{T: t, dir: dir, inputs: map[string]*input{}}
	for _, name := range []string{"PATH", "TMPDIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			s.setenv(name, value)
		}
	}
	s.setenv("HOME", dir+"/home")
	s.setenv("XDG_CONFIG_HOME", dir+"/config")
	s.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	s.setenv("GSBATCH_STATE", dir+"/state")
	s.setenv("GSBATCH_ACCESS_KEY", secretKey)
	s.setenv("GSBATCH_SETTLE", "2s") // no tenant of a stage carries a call out later than that
	t.Cleanup(s.noKey)
	return s
}

// setenv sets a variable of the processes to come.
func (s *stage) setenv(name, value string) {
	s.env = append(s.env, name+"="+value) // the last of a name holds
}

// path is a file of the working folder.
func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// process is the program, running.
type process struct {
	s        *stage
	cmd      *exec.Cmd
	args     []string
	out, err lockedBuffer
	done     chan struct{} // closed once it has ended
	waited   error
	hung     context.CancelFunc
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs gsbatch with args.
func (s *stage) start(args ...string) *process {
	s.Helper()
	return s.startWith(nil, append([]string{"gsbatch"}, args...)...)
}

// startWith runs a program with its standard input, which may be nil. A
// process that hangs shows its goroutines and fails the test; none outlives it.
func (s *stage) startWith(stdin io.Reader, words ...string) *process {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{s: s, args: words, done: make(chan struct{}), hung: cancel}
	p.cmd = exec.CommandContext(ctx, words[0], words[1:]...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = s.dir, s.env, stdin, &p.out, &p.err
	p.cmd.Cancel = func() error {
		s.Errorf("%s hangs", strings.Join(words, " "))
		return p.cmd.Process.Signal(syscall.SIGQUIT)
	}
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		p.waited = p.cmd.Wait()
		close(p.done)
	}()
	s.Cleanup(func() {
		select {
		case <-p.done:
		default:
			_ = p.cmd.Process.Kill() // it has ended meanwhile
			<-p.done
		}
		cancel()
	})
	return p
}

// signal sends a signal; the process may have ended already.
func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// result is what a process left.
type result struct {
	stdout, stderr string
	code           int // -1: killed
}

// wait returns when the process has ended, with the books checked.
func (p *process) wait() result {
	p.s.Helper()
	<-p.done
	r := result{stdout: p.out.String(), stderr: p.err.String(), code: p.cmd.ProcessState.ExitCode()}
	if strings.Contains(r.stdout+r.stderr, secretKey) {
		p.s.Errorf("%s shows the access key:\n%s%s", strings.Join(p.args, " "), r.stdout, r.stderr)
	}
	if strings.Contains(r.stderr, "goroutine ") {
		p.s.Errorf("%s panicked:\n%s", strings.Join(p.args, " "), r.stderr)
	}
	p.s.account()
	return r
}

// run runs gsbatch with args and wants its exit code.
func (s *stage) run(code int, args ...string) result {
	s.Helper()
	return s.want(code, s.start(args...))
}

// want waits for a process and wants its exit code.
func (s *stage) want(code int, p *process) result {
	s.Helper()
	r := p.wait()
	if r.code != code {
		s.Fatalf("%s: exit %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(p.args, " "), r.code, code, ends(r.stdout), ends(r.stderr))
	}
	return r
}

// ends keeps the ends of a long text.
func ends(text string) string {
	if len(text) > 4000 {
		return text[:2000] + "\n…\n" + text[len(text)-2000:]
	}
	return text
}

// summary is summary.json, read on its own terms.
type summary struct {
	SchemaVersion int    `json:"schema_version"`
	Run           string `json:"run"`
	Emulated      bool   `json:"emulated"`
	Tenant        string `json:"tenant"`
	Input         struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
		Rows   int    `json:"rows"`
	} `json:"input"`
	Counts map[string]int `json:"counts"`
	Calls  struct {
		Total      int            `json:"total"`
		ByEndpoint map[string]int `json:"by_endpoint"`
		Throttled  int            `json:"throttled"`
	} `json:"calls"`
	ExitCode int        `json:"exit_code"`
	ResumeAt *time.Time `json:"resume_at"`
	Next     string     `json:"next"`
	dir      string     // its report folder
}

// json runs gsbatch with --json and wants the exit code; the summary on stdout
// must be that of the report folder.
func (s *stage) json(code int, args ...string) summary {
	s.Helper()
	return s.summaryOf(s.run(code, append(args, "--json")...))
}

func (s *stage) summaryOf(r result) summary {
	s.Helper()
	var got summary
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		s.Fatalf("stdout is no summary: %v\n%s\n%s", err, ends(r.stdout), ends(r.stderr))
	}
	if got.ExitCode != r.code {
		s.Errorf("summary says exit %d, the process %d", got.ExitCode, r.code)
	}
	for _, kept := range s.summaries() {
		if kept.Run == got.Run {
			if fmt.Sprint(kept.Counts, kept.Next, kept.ExitCode, kept.Calls) != fmt.Sprint(got.Counts, got.Next, got.ExitCode, got.Calls) {
				s.Errorf("summary.json %+v\ndiffers from stdout %+v", kept, got)
			}
			got.dir = kept.dir
		}
	}
	return got
}

// counts wants these counts and no others, as "created=3 rejected=1".
func (s *stage) counts(got summary, want string) {
	s.Helper()
	var parts []string
	for _, name := range []string{"rows", "created", "updated", "deleted", "unchanged", "rejected", "invalid", "skipped", "stale", "in_doubt", "parked", "pending"} {
		if n := got.Counts[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", name, n))
		}
	}
	if text := strings.Join(parts, " "); text != want {
		s.Errorf("run %s: counts %s, want %s", got.Run, text, want)
	}
}

// writeCSV writes an input file and remembers what the reports must say of it.
func (s *stage) writeCSV(name string, header []string, rows [][]string) string {
	s.Helper()
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := errors.Join(w.Write(header), w.WriteAll(rows)); err != nil {
		s.Fatal(err)
	}
	s.writeFile(name, text.Bytes())
	s.expect(text.Bytes(), header, rows, 2)
	return name
}

func (s *stage) writeFile(name string, text []byte) {
	s.Helper()
	if err := os.WriteFile(s.path(name), text, 0o600); err != nil {
		s.Fatal(err)
	}
}

// expect registers the rows of a file, without the columns of earlier reports.
func (s *stage) expect(file []byte, header []string, rows [][]string, first int) {
	sum := sha256.Sum256(file)
	in := &input{first: first}
	var own []int
	for i, name := range header {
		if !strings.HasPrefix(name, "_") {
			own, in.header = append(own, i), append(in.header, name)
		}
	}
	for _, row := range rows {
		cells := make([]string, len(own))
		for i, column := range own {
			cells[i] = row[column]
		}
		in.rows = append(in.rows, cells)
	}
	s.inputs[hex.EncodeToString(sum[:])] = in
}
