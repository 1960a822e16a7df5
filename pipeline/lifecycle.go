package pipeline

import (
	"context"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/validate"
)

// Before is what an earlier run of the same input asks of this one.
type Before int

// The answers of LookBefore.
const (
	BeforeNone    Before = iota // nothing: plan a new run
	BeforeGoOn                  // the same input and options, not finished: resume it
	BeforeDone                  // the same input and options, finished: no call is needed
	BeforeDiffers               // the same input with other options: refuse
)

// LookBefore looks for an earlier run of the same bytes for the same tenant,
// the newest that may have sent something. Runs that sent nothing, retries,
// abandoned and superseded runs do not count. sha256, the hash of the input, is
// asked for if there is a run to compare it with.
func LookBefore(ctx context.Context, folder *checkpoint.Folder, tenant, optionsHash string, sha256 func() (string, error)) (Before, checkpoint.Info, error) {
	infos, err := folder.List(ctx)
	if err != nil {
		return BeforeNone, checkpoint.Info{}, err
	}
	for _, info := range infos {
		if info.Tenant != tenant || info.Parent != "" || info.Superseded != "" || info.Command == string(validate.Delete) {
			continue
		}
		if info.State == checkpoint.Planning || info.State == checkpoint.Planned || info.State == checkpoint.Abandoned {
			continue
		}
		sum, err := sha256()
		if err != nil {
			return BeforeNone, info, err
		}
		if info.Input.SHA256 != sum {
			continue
		}
		same := info.OptionsHash == optionsHash
		if same && (info.State == checkpoint.Running || info.State == checkpoint.Paused) {
			return BeforeGoOn, info, nil
		}
		sent, err := mayHaveSent(ctx, folder, info.ID)
		if err != nil {
			return BeforeNone, info, err
		}
		if !sent {
			continue
		}
		if same {
			return BeforeDone, info, nil
		}
		return BeforeDiffers, info, nil
	}
	return BeforeNone, checkpoint.Info{}, nil
}

func mayHaveSent(ctx context.Context, folder *checkpoint.Folder, id string) (bool, error) {
	run, err := folder.View(ctx, id)
	if err != nil {
		return false, err
	}
	defer run.Close() //nolint:errcheck // read only
	return run.HasIntents(ctx)
}

// Finish enters in the run how this process left it: the state, which is
// finished only when every row is accounted for, none is pending and none that
// was in doubt is still to be looked for, the sums
// of counts and calls, the exit code, and the end of the session.
func Finish(ctx context.Context, run *checkpoint.Run, out Outcome, exitCode int) error {
	if err := applicable(run.Info()); err != nil {
		return nil // it was refused, and stays what it is
	}
	last, err := run.LastRecord(ctx)
	if err != nil {
		return err
	}
	err = run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.State, info.CountedUpto = checkpoint.Paused, last
		if out.Counts.Whole() {
			info.Counts = out.Counts
			if out.Counts.Pending == 0 && !out.Unaudited {
				info.State = checkpoint.Finished
			}
		}
		info.Calls.Add(out.Calls)
		info.Seconds += out.Took.Seconds()
		info.ExitCode, info.Reported = &exitCode, false
		info.ResumeAt = nil
		if !out.ResumeAt.IsZero() {
			at := out.ResumeAt.Round(time.Second)
			info.ResumeAt = &at
		}
	})
	if err != nil {
		return err
	}
	return run.EndSession(ctx, time.Now(), exitCode, whyEnded(out))
}

// whyEnded says in a few words why a process left the run, "" where it was done.
func whyEnded(out Outcome) string {
	for _, stop := range out.Stops {
		switch stop.Reason {
		case StopSignal:
			return "interrupted"
		case StopRefused:
			return "the key or this machine's address was refused"
		case StopStorage:
			return "the state folder could not be written"
		case StopErrors, StopBudget:
			return "stopped by " + stop.Detail
		case StopCanary:
			return "stopped after the first rows"
		case StopUnreachable:
			return "the tenant could not be reached"
		case StopQuota:
			return "the day's calls were used"
		case StopSameError:
			return "the first rows were all rejected alike"
		case StopRetries:
			return "too many calls had to be made again"
		}
	}
	return ""
}

// FinishUnsent enters that a run ends without a call, since rows are invalid.
func FinishUnsent(ctx context.Context, run *checkpoint.Run, calls checkpoint.Calls, exitCode int) error {
	return run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.State = checkpoint.Finished
		info.Calls.Add(calls)
		info.ExitCode, info.Reported = &exitCode, false
	})
}
