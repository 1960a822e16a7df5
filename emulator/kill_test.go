package emulator

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const childFolder = "EMULATOR_TEST_FOLDER"

// TestMain serves a tenant instead of running tests where a test started this
// binary again to kill it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func serveChild(dir string) error {
	tenant, err := New(Options{Dir: dir})
	if err != nil {
		return err
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(URL(l))
	return http.Serve(l, tenant)
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childFolder+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		url, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		for name := range createUntilKilled(strings.TrimSpace(url), round, child) {
			acknowledged[name] = true
		}
	}
	if len(acknowledged) == 0 {
		t.Fatal("no goal was acknowledged")
	}
	tenant := openTenant(t, Options{Dir: dir}, "")
	for name := range acknowledged {
		if tenant.goals.byName[name] == nil {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
}

// createUntilKilled sends creates from four callers, kills the child in the
// midst of them and returns the names that were acknowledged.
func createUntilKilled(url string, round int, child *exec.Cmd) map[string]bool {
	var mu sync.Mutex
	done := map[string]bool{}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("goal %d-%d-%d", round, g, i)
				r, _ := http.NewRequest("POST", url+createPath, strings.NewReader(goalBody(name, "")))
				r.Header.Set("accesskey", DefaultAccessKey)
				r.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					return
				}
				whole := strings.HasSuffix(readAll(resp.Body), "}")
				_ = resp.Body.Close()
				if !whole || resp.StatusCode != 200 {
					return
				}
				mu.Lock()
				done[name] = true
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Duration(100+37*round) * time.Millisecond)
	_ = child.Process.Kill()
	_ = child.Wait()
	wg.Wait()
	return done
}
