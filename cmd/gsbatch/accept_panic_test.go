//go:build unix

package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// crash is a way in which the program ends with the stacks of its goroutines.
type crash struct {
	name    string
	program string // gsbatch, or gsbatch-panics with
	panics  string // what GSBATCH_PANICS says
	signal  syscall.Signal
	level   string // GOTRACEBACK
}

// TestKeyInNoCrash ends the program by panics in its main goroutine and in
// another, and by signals that show all stacks and registers, in the middle of
// an import at level debug: the key is in nothing that it wrote, no core file
// may be made, and the run goes on.
func TestKeyInNoCrash(t *testing.T) {
	t.Parallel()
	crashes := []crash{
		{"a panic in the main goroutine", "gsbatch-panics", "stdout schema_version 1", 0, "all"},
		{"a panic in another goroutine", "gsbatch-panics", "stderr outcome 20", 0, "all"},
		{"a panic of the system's view", "gsbatch-panics", "stderr outcome 20", 0, "system"},
		{"a panic that aborts", "gsbatch-panics", "stderr outcome 20", 0, "crash"},
		{"SIGQUIT", "gsbatch", "", syscall.SIGQUIT, "all"},
		{"SIGABRT", "gsbatch", "", syscall.SIGABRT, "crash"},
		{"SIGSEGV", "gsbatch", "", syscall.SIGSEGV, "crash"},
	}
	stacks := 0
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "latency=20ms")
			s.setenv("GSBATCH_SETTLE", "300ms")
			s.setenv("GOTRACEBACK", c.level)
			s.setenv("GSBATCH_PANICS", c.panics)
			s.writeCSV("goals.csv", goalHeader(), goalRows("Crash", 60))
			p := s.startWith(nil, "sh", "-c", `ulimit -c unlimited; exec "$@"`, "sh", c.program, "import", "goals.csv", "--json", "--log-level", "debug")
			if c.signal != 0 {
				s.until("20 write calls", func() bool { return s.writes() >= 20 })
				s.coreless(p)
				p.signal(c.signal)
			}
			<-p.done
			told := p.out.String() + p.err.String()
			if code := p.cmd.ProcessState.ExitCode(); code == 0 || !strings.Contains(told, "goroutine ") {
				t.Errorf("exit %d, and no stacks:\n%s", code, ends(told))
			}
			stacks += strings.Count(told, "\ngoroutine ")
			for _, form := range keyForms() {
				if at := strings.Index(told, form); at >= 0 {
					t.Errorf("the key is in what it wrote, as %s:\n%s", form, told[max(at-200, 0):at+200])
				}
			}
			if cores, _ := filepath.Glob(s.path("core*")); len(cores) > 0 {
				t.Errorf("core files: %v", cores)
			}
			s.setenv("GOTRACEBACK", "single")
			s.run(0, "import", "goals.csv")
			s.run(0, "resume")
			if goals := s.goals(); len(goals) != 60 {
				t.Errorf("%d goals, want 60", len(goals))
			}
		})
	}
	if !t.Failed() {
		t.Logf("promise S1: %d crashes, by panics and signals, with the stacks of %d goroutines: 0 hits in output, state, reports and stacks, no core file", len(crashes), stacks)
	}
}

// coreless wants the process to be allowed no core file.
func (s *stage) coreless(p *process) {
	s.Helper()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.cmd.Process.Pid))
	if err != nil {
		return // no Linux
	}
	for line := range strings.Lines(string(limits)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && fields[4] != "0" {
			s.Errorf("core files are allowed: %s", line)
		}
	}
}

// keyForms are the key's spellings in a text, and eight bytes of it as they
// would stand in a register.
func keyForms() []string {
	forms := []string{secretKey, hex.EncodeToString([]byte(secretKey))}
	for i := 0; i+8 <= len(secretKey); i++ {
		forms = append(forms, fmt.Sprintf("%x", binary.LittleEndian.Uint64([]byte(secretKey[i:]))))
	}
	return forms
}
