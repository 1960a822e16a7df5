package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// session is the program on a terminal of its own.
type terminal struct {
	s     *stage
	pty   *os.File
	cmd   *exec.Cmd
	mu    sync.Mutex
	shown bytes.Buffer
	read  chan struct{} // closed when the terminal is
}

// onTerminal runs gsbatch on a new pseudo-terminal.
func (s *stage) onTerminal(args ...string) *terminal {
	s.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		s.Skipf("no pseudo-terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		s.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	t := &terminal{s: s, pty: pty, read: make(chan struct{})}
	t.cmd = exec.Command("gsbatch", args...)
	t.cmd.Dir, t.cmd.Env, t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = s.dir, s.env, tty, tty, tty
	if err := t.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go t.copy()
	s.Cleanup(func() {
		_ = t.cmd.Process.Kill() // it has ended where the test went well
		_ = pty.Close()
		<-t.read
	})
	return t
}

func (t *terminal) copy() {
	defer close(t.read)
	buf := make([]byte, 4096)
	for {
		n, err := t.pty.Read(buf)
		t.mu.Lock()
		t.shown.Write(buf[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.String()
}

// asked waits for words on the terminal that came after those waited for
// before, and types an answer.
func (t *terminal) asked(words, answer string) {
	t.s.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		t.mu.Lock()
		at := strings.Index(t.shown.String(), words)
		if at >= 0 {
			t.shown.Next(at + len(words))
		}
		t.mu.Unlock()
		if at >= 0 {
			break
		}
		if time.Now().After(deadline) {
			t.s.Fatalf("no %q on the terminal:\n%s", words, t.text())
		}
	}
	if _, err := io.WriteString(t.pty, answer+"\n"); err != nil {
		t.s.Fatal(err)
	}
}

// ended waits for the end and wants the exit code.
func (t *terminal) ended(code int) string {
	t.s.Helper()
	_ = t.cmd.Wait() // the code says it
	if got := t.cmd.ProcessState.ExitCode(); got != code {
		t.s.Fatalf("exit %d, want %d\n%s", got, code, t.text())
	}
	t.s.account()
	return t.text()
}

// On a terminal import asks once; no is no call.
func TestImportAsksOnATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	file := s.writeCSV("goals.csv", goalHeader(), goalRows("Asked", 3))
	p := s.onTerminal("import", file)
	p.asked("send 3 goals to "+s.url+"? a goal that was created cannot be deleted again [y/N]", "n")
	p.ended(0)
	if n := s.writes(); n != 0 {
		t.Errorf("%d writes after a no", n)
	}
	p = s.onTerminal("import", file)
	p.asked("[y/N]", "y")
	if text := p.ended(0); !strings.Contains(text, "3 created") {
		t.Error(text)
	}
}

// A delete shows what it will delete, by name, and asks.
func TestDeleteAsksOnATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.run(0, "import", s.recordFile("templates", "Gone", 2), "--object", "templates")
	s.named("templates", "Gone")
	var ids []string
	for _, row := range s.csv(s.path("there-templates.csv")).rows {
		if strings.HasPrefix(row[1], "Gone") {
			ids = append(ids, row[0])
		}
	}
	s.oneLine(s.run(2, "delete", "templates", "--id", ids[0]), "nobody can be asked", "--yes")
	s.oneLine(s.run(2, "delete", "goals", "--id", ids[0]), "the API deletes no goals")
	s.oneLine(s.run(2, "delete", "templates"), "--id")
	p := s.onTerminal("delete", "templates", "--id", strings.Join(ids, ","))
	p.asked("- row 2 deletes "+ids[0]+` "Gone 00001"`, "")
	p.ended(0)
	if there := s.named("templates", "Gone"); len(there) != 2 {
		t.Errorf("an empty answer deleted: %v", there)
	}
	p = s.onTerminal("delete", "templates", "--id", strings.Join(ids, ","))
	p.asked("delete 2 templates of "+s.url+"? what is deleted cannot be brought back [y/N]", "y")
	p.ended(0)
	if there := s.named("templates", "Gone"); len(there) != 0 {
		t.Errorf("left: %v", there)
	}
}

// The dialogue of map asks about what it cannot tell, says why an answer will
// not do and asks again, and leaves what is not answered.
func TestMapAsksOnATerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeFile("odd.csv", []byte("Was,Lage,Kunde\nTrain,gut,IBM\nRenew,gut,Meta\nGrow,mies,IBM\n"))
	p := s.onTerminal("map", "odd.csv", "-o", "odd.yaml")
	p.asked(`column "Was" (Train, Renew, Grow): field, or ignore?`, "Nmae")
	p.asked("did you mean Name?", "name")
	p.asked(`column "Lage" (gut, mies): field, or ignore?`, "status")
	p.asked(`StatusName "gut" (2 rows): which of`, "on track")
	p.asked(`StatusName "mies" (1 rows): which of`, "")
	p.ended(0)
	text := string(s.read("odd.yaml"))
	for _, want := range []string{`"Was": "Name"`, `"gut": "On Track" # 2 rows, certain`, `"mies": "?" # 1 rows, unsure`, `"Kunde": "CompanyName" # likely`, `EntityType: "COMPANY"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the mapping lacks %s:\n%s", want, text)
		}
	}
	r := s.run(5, "import", "odd.csv", "--map", "odd.yaml")
	if !strings.Contains(r.stderr, "nobody decided yet") {
		t.Error(r.stderr)
	}
	s.writeFile("odd.yaml", []byte(strings.Replace(text, `"mies": "?"`, `"mies": "At Risk"`, 1)))
	s.run(0, "import", "odd.csv", "--map", "odd.yaml")
}
