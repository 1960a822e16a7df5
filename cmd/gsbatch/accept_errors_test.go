//go:build unix

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// trouble is a command that fails before it sends anything.
type trouble struct {
	name  string
	setup func(*stage)
	args  []string
	code  int
	says  []string
	lines int // on stderr; 0: one
}

func troubles() []trouble {
	env := func(name, value string) func(*stage) { return func(s *stage) { s.setenv(name, value) } }
	file := func(name, text string) func(*stage) { return func(s *stage) { s.writeFile(name, []byte(text)) } }
	return []trouble{
		{name: "bad key", setup: env("GSBATCH_ACCESS_KEY", "another-key"), code: 4, says: []string{"GS_APIG_2401", "gsbatch login"}},
		{name: "no key", setup: env("GSBATCH_ACCESS_KEY", ""), code: 2, says: []string{"no access key", "GSBATCH_ACCESS_KEY"}},
		{name: "no tenant", setup: env("GSBATCH_BASE_URL", ""), code: 2, says: []string{"no tenant", "--base-url"}},
		{name: "unreadable file", args: []string{"absent.csv"}, code: 2, says: []string{"absent.csv", "no such file", "check the path"}},
		{name: "a folder", args: []string{"."}, code: 2, says: []string{"folder"}},
		{name: "no table", setup: file("empty.csv", ""), args: []string{"empty.csv"}, code: 2, says: []string{"empty.csv"}},
		{name: "no workbook", setup: file("torn.xlsx", "PK\x03\x04 torn"), args: []string{"torn.xlsx"}, code: 2, says: []string{"torn.xlsx"}},
		{name: "ragged row", setup: file("ragged.csv", "Name,Status,Entity Type,Company\na,New,COMPANY,IBM,x\n"), args: []string{"ragged.csv"}, code: 2, says: []string{"ragged.csv:2"}},
		{name: "wrong sheet", setup: func(s *stage) { s.copySample("goals.xlsx") }, args: []string{"goals.xlsx", "--sheet", "Gaols"}, code: 2, says: []string{"goals.xlsx", "Gaols", "Goals"}},
		{name: "missing column", setup: file("short.csv", "Name,Goal Type,Entity Type,Company\na,Default,COMPANY,IBM\n"), args: []string{"short.csv"}, code: 2, says: []string{"short.csv", "Status"}},
		{name: "missing columns", setup: file("short.csv", "Name\na\n"), args: []string{"short.csv"}, code: 2, says: []string{"Status", "Entity Type"}},
		{name: "unknown flag", args: []string{"--skip-invalud"}, code: 2, says: []string{"--skip-invalud", "--skip-invalid"}},
		{name: "unknown mapping", args: []string{"--map", "absent.yaml"}, code: 2, says: []string{"absent.yaml", "--map"}},
		{name: "unknown run", args: []string{"resume", "nosuchrun"}, code: 2, says: []string{"nosuchrun", "gsbatch runs list"}},
		{name: "base_url from the folder", setup: file("gsbatch.yaml", "base_url: https://evil.example\n"), code: 2, lines: 4,
			says: []string{"gsbatch.yaml:1", "base_url may not be set"}},
		{name: "key command from the folder", setup: file("gsbatch.yaml", "access_key_cmd: [touch, owned]\n"), code: 2, lines: 4,
			says: []string{"gsbatch.yaml:1", "access_key_cmd may not be set"}},
		{name: "state is a file", setup: file("blocked", ""), args: []string{"--state", "blocked/state"}, code: 11, says: []string{"blocked", "--state"}},
	}
}

func TestTroubleIsOneLineWithItsCode(t *testing.T) {
	t.Parallel()
	for _, c := range troubles() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "")
			s.writeCSV("goals.csv", goalHeader(), goalRows("Trouble", 3))
			if c.setup != nil {
				c.setup(s)
			}
			args := c.args
			if len(args) == 0 || args[0] != "resume" {
				if len(args) == 0 || strings.HasPrefix(args[0], "-") {
					args = append([]string{"goals.csv"}, args...)
				}
				args = append([]string{"import"}, args...)
			}
			r := s.run(c.code, append(args, "--log-level", "debug")...)
			s.oneLine(r, c.says...)
			s.quietBut(r, max(c.lines, 1))
			if r.stdout != "" {
				t.Errorf("stdout %q", r.stdout)
			}
			if n := s.writes(); n != 0 {
				t.Errorf("%d write calls", n)
			}
			if _, err := os.Stat(s.path("owned")); err == nil {
				t.Error("a command of the working folder's file was run")
			}
			// The same in JSON: the error on stdout, and still on stderr.
			r = s.run(c.code, append([]string{args[0], "--json"}, args[1:]...)...)
			s.oneLine(r, c.says...)
			if !strings.Contains(r.stdout, `"error":"`) || strings.Count(r.stdout, "\n") != 1 {
				t.Errorf("stdout %q", r.stdout)
			}
		})
	}
}

// quietBut wants no more lines on stderr than these, the log left out.
func (s *stage) quietBut(r result, lines int) {
	s.Helper()
	n := 0
	for line := range strings.Lines(r.stderr) {
		if !strings.Contains(line, " DBG ") && !strings.Contains(line, " INF ") {
			n++
		}
	}
	if n > lines {
		s.Errorf("%d lines on stderr, want %d at most:\n%s", n, lines, r.stderr)
	}
}

func (s *stage) copySample(name string) {
	s.Helper()
	text, err := os.ReadFile("../../samples/" + name)
	if err != nil {
		s.Fatal(err)
	}
	s.writeFile(name, text)
}

func TestHostThatIsNoTenant(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"HTML": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<!DOCTYPE html><title>Welcome</title>"))
		},
		"HTML 404": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>no such page", http.StatusNotFound) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/login", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newBareStage(t)
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				w.Header().Set("Content-Type", "text/html")
				answer(w, r)
			}))
			t.Cleanup(server.Close)
			s.writeCSV("goals.csv", goalHeader(), goalRows("Host", 3))
			r := s.run(6, "import", "goals.csv", "--base-url", server.URL)
			s.oneLine(r, "--base-url", "gsbatch doctor")
			if n := calls.Load(); n < 1 || n > 4 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestTenantOutOfReach tries for some seconds, then says what to look at.
func TestTenantOutOfReach(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.writeCSV("goals.csv", goalHeader(), goalRows("Reach", 3))
	urls := []string{"http://127.0.0.1:1", strings.Replace(s.url, "http:", "https:", 1)}
	var started []*process
	for _, url := range urls {
		started = append(started, s.start("import", "goals.csv", "--base-url", url))
	}
	for _, p := range started {
		r := s.want(6, p)
		s.oneLine(r, "not sent", "--base-url", "gsbatch doctor")
		s.quietBut(r, 1)
	}
}

// TestPlainHTTPIsRefused wants no connection to a public host without TLS; a
// proxy would see it.
func TestPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	s := newBareStage(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var tried atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tried.Add(1)
			_ = conn.Close()
		}
	}()
	proxy := "http://" + listener.Addr().String()
	s.setenv("HTTP_PROXY", proxy)
	s.setenv("HTTPS_PROXY", proxy)
	s.writeCSV("goals.csv", goalHeader(), goalRows("Plain", 3))
	for _, command := range []string{"import", "validate", "plan"} {
		r := s.run(2, command, "goals.csv", "--base-url", "http://acme.gainsightcloud.com")
		s.oneLine(r, "acme.gainsightcloud.com", "use https")
		s.quietBut(r, 1)
	}
	if n := tried.Load(); n != 0 {
		t.Errorf("%d connections tried", n)
	}
	s.run(6, "import", "goals.csv", "--base-url", "acme", "--rate", "0")
	if tried.Load() == 0 {
		t.Error("the proxy saw no connection to https://acme.gainsightcloud.com either")
	}
}
