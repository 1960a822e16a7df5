package checkpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// What a test binary that was started as a child does, and on which folder.
const (
	childRole   = "CHECKPOINT_TEST_ROLE"
	childFolder = "CHECKPOINT_TEST_FOLDER"
	childDial   = "CHECKPOINT_TEST_DIAL"
)

// child is the program of a process that a test starts, to be killed.
func child(role, dir string) int {
	folder, err := Open(dir)
	if err == nil {
		switch role {
		case "create":
			err = childCreates(folder)
		case "journal":
			err = childJournals(folder)
		case "fold":
			err = childFolds(folder)
		case "calls":
			err = childCalls(folder)
		case "full":
			err = childFills(folder)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		return 1
	}
	return 0
}

// process is a child that a test started.
type process struct {
	*exec.Cmd
	out io.Reader
}

func start(t *testing.T, role, dir string, env ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(program)}
	p.Env = append(append(os.Environ(), childRole+"="+role, childFolder+"="+dir), env...)
	p.Stderr = os.Stderr
	if p.out, err = p.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// killAfter kills the child, which tells what it did on its output, some time
// after its first line, and returns all lines that it got out whole.
func (p *process) killAfter(d time.Duration) []string {
	lines := bufio.NewScanner(p.out)
	var told []string
	for lines.Scan() {
		if told == nil {
			time.AfterFunc(d, func() { _ = p.Process.Kill() })
		}
		told = append(told, lines.Text())
	}
	_ = p.Wait()
	return told
}

// childCreates makes runs without end.
func childCreates(folder *Folder) error {
	for i := 0; ; i++ {
		fmt.Println("next")
		run, err := folder.Create(context.Background(), Info{ID: fmt.Sprintf("%d-%d", os.Getpid(), i)}, Holder{})
		if err == nil {
			err = run.Close()
		}
		if err != nil {
			return err
		}
	}
}

const childWorkers = 16

// childJournals sends, as it were, the pending rows of run a: it tells the
// number of each row whose intent returned.
func childJournals(folder *Folder) error {
	ctx := context.Background()
	run, err := folder.Lock(ctx, "a", Holder{})
	if err != nil {
		return err
	}
	j := run.Journal(func([]Event) {})
	go func() { _ = j.Serve() }()
	var all [childWorkers][]int64
	for op, err := range run.PendingOps(ctx) {
		if err != nil {
			return err
		}
		w := op.Seq % childWorkers
		all[w] = append(all[w], op.Seq)
	}
	var workers sync.WaitGroup
	for _, seqs := range all {
		workers.Go(func() {
			for _, seq := range seqs {
				if j.Intend(intent(seq)) != nil {
					return
				}
				fmt.Println(seq)
				j.Record(outcomeOf(seq, Created, fmt.Sprint("G", seq)))
			}
		})
	}
	workers.Wait()
	return nil
}

// childFolds brings the journal of run a into its fates.
func childFolds(folder *Folder) error {
	fmt.Println("begin")
	run, err := folder.Lock(context.Background(), "a", Holder{})
	if err != nil {
		return err
	}
	return run.Close()
}

// The quota of TestQuotaAcrossKilledProcesses.
const (
	childQuota  = 25
	childWindow = 1200 * time.Millisecond
)

// childCalls makes calls as fast as the quota lets it: a byte to the server is
// a call, a byte back its answer.
func childCalls(folder *Folder) error {
	ctx := context.Background()
	tenant, err := folder.Tenant(ctx, "acme")
	if err != nil {
		return err
	}
	server, err := net.Dial("tcp", os.Getenv(childDial))
	if err != nil {
		return err
	}
	q := tenant.Quota(Caller{Command: "child"})
	for answer := make([]byte, 1); ; {
		id, again, _, err := q.Lease(ctx, time.Now(), childQuota, childWindow, 0, time.Time{})
		switch {
		case err != nil:
			return err
		case id == 0:
			time.Sleep(time.Until(again))
			continue
		}
		if _, err := server.Write(answer); err != nil {
			return err
		}
		if _, err := io.ReadFull(server, answer); err != nil {
			return err
		}
		if err := q.Free(ctx, id, time.Now().Add(childWindow)); err != nil {
			return err
		}
	}
}

// childFills journals until the disk takes no more, then tells for each row
// whether its intent is held to be durable.
func childFills(folder *Folder) error {
	run, err := folder.Lock(context.Background(), "a", Holder{})
	if err != nil {
		return err
	}
	if err := limitFiles(200 << 10); err != nil {
		return err
	}
	j := run.Journal(func([]Event) {})
	served := make(chan error, 1)
	go func() { served <- j.Serve() }()
	failed := 0
	for seq := int64(1); failed < 20; seq++ {
		err := j.Intend(intent(seq))
		var storage *StorageError
		switch {
		case err == nil && failed > 0:
			return fmt.Errorf("intent %d was allowed after a failed one", seq)
		case err == nil:
			fmt.Println(seq)
		case !errors.As(err, &storage):
			return fmt.Errorf("intent %d: %w, want a StorageError", seq, err)
		default:
			failed++
		}
	}
	j.Close()
	if <-served == nil {
		return errors.New("the journal's failure is not told")
	}
	_ = run.Close()
	return nil
}
