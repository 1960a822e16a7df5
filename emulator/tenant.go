// Package emulator is a Gainsight tenant behind http.Handler, with limits and faults on demand.
//
// A Tenant answers the Customer Goals API as the vendor's page describes it,
// from data of its own: New makes one, in memory or kept in a folder, and
// Listen and Serve put it on a loopback port. A request passes the gate, which
// numbers it, counts it against the limits and picks its fault, then reaches
// its endpoint. Writes turn an input into a record (builder), commit it to the
// journal and the collection in one short locked section, and are answered
// afterwards; reads take a snapshot and filter it without the lock. Records
// never change once committed, an update replaces them.
//
// Everything the page leaves open is a switch (Switches, Settings), and so is
// everything that may go wrong. While a tenant runs, its control endpoint
// under /_emulator/ shows and changes its state:
//
//	GET    /_emulator/state          counts, settings and the most calls in a window, as JSON
//	GET    /_emulator/calls          log of the last calls, a JSON object a line
//	GET    /_emulator/goals          every goal, a JSON object a line, with natural_key and natural_key_count
//	DELETE /_emulator/goals/GSID     removes a goal, as a person in the tenant would
//	GET    /_emulator/entities       what lookups and lists of Gsids may name, a JSON object a line
//	GET    /_emulator/settings       the settings, as a JSON object of texts
//	PUT    /_emulator/settings       changes them: the text of ParseSwitches, or such an object
//	POST   /_emulator/reset          back to the seeded data; the settings stay
package emulator

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultAccessKey is the key of a tenant whose Options name none.
const DefaultAccessKey = "emulator"

// Options say what a tenant is made of. The zero value is a tenant in memory
// that behaves as the specification's page shows.
type Options struct {
	Dir              string           // folder of the journal; "": memory only
	Now              func() time.Time // nil: time.Now
	Seed             int64            // of new Gsids, faults and jitter; the seeded data do not depend on it
	AccessKey        string           // "": DefaultAccessKey
	Hosts            []string         // accepted in the Host header beside localhost and loopback addresses
	OmitSpecFixtures bool             // leave out the records that the specification's sample requests name
	CallLog          int              // calls that the log keeps; 0: 65536
	Switches         Switches
}

// Tenant is an emulated tenant. It may be used by many goroutines.
type Tenant struct {
	opt     Options
	key     string
	now     func() time.Time
	born    uint64 // makes request ids differ from start to start
	fields  *fieldTable
	seeds   *seeds
	live    atomic.Pointer[live]
	setting sync.Mutex // held while the settings change
	gate    gate
	closing chan struct{}
	late    sync.WaitGroup // late commits
	pending atomic.Int64   // how many of them

	mu         sync.Mutex // guards all below
	goals      *collection
	templates  *collection
	metrics    map[string]*metric
	metricList []*metric
	journal    *journal // nil: memory only
	line       []byte   // scratch
	made       uint64   // Gsids made
	created    int      // records created and updated by calls since the start or reset
	updated    int
}

// New makes a tenant. With a Dir it holds the seeded data and whatever an
// earlier tenant committed there; the error is ErrInUse while another tenant,
// of this or another process, holds the folder.
func New(o Options) (*Tenant, error) {
	if err := o.Switches.check(); err != nil {
		return nil, err
	}
	t := &Tenant{opt: o, key: o.AccessKey, now: o.Now, fields: newFieldTable(), seeds: newSeeds(), closing: make(chan struct{})}
	if t.key == "" {
		t.key = DefaultAccessKey
	}
	if t.now == nil {
		t.now = time.Now
	}
	if !o.OmitSpecFixtures {
		t.seeds.addSpecFixtures()
	}
	t.born = uint64(t.now().UnixNano())
	t.gate.seed = uint64(o.Seed)
	t.gate.log.size = o.CallLog
	if o.CallLog < 1 {
		t.gate.log.size = 65536
	}
	t.putSwitches(o.Switches)
	t.sow()
	if o.Dir != "" {
		j, err := openJournal(o.Dir, t.replay)
		if err != nil {
			return nil, err
		}
		t.journal = j
		t.made = uint64(j.size) // more than the ids that the journal can hold
	}
	return t, nil
}

// sow puts the seeded records in place of all others.
func (t *Tenant) sow() {
	t.goals, t.templates = newCollection(), newCollection()
	t.metrics, t.metricList = map[string]*metric{}, nil
	t.created, t.updated = 0, 0
	t.addMetrics()
	t.addTemplates()
	if !t.opt.OmitSpecFixtures {
		t.addGoals()
	}
}

// Close carries out late commits at once and lets go of the folder. No request
// may be on its way.
func (t *Tenant) Close() error {
	close(t.closing)
	t.late.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.journal == nil {
		return nil
	}
	err := t.journal.close()
	t.journal = nil
	return err
}

// Reset puts the seeded data back, empties the call log and starts the counts
// and limits anew. The settings stay.
func (t *Tenant) Reset() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.journal != nil {
		if err := t.journal.clear(); err != nil {
			return err
		}
	}
	t.sow()
	t.gate.reset()
	return nil
}

// Set changes settings, in the form of ParseSwitches; those not named stay.
func (t *Tenant) Set(text string) error {
	t.setting.Lock()
	defer t.setting.Unlock()
	s, err := t.Switches().With(text)
	if err != nil {
		return err
	}
	t.putSwitches(s)
	return nil
}

func (t *Tenant) putSwitches(s Switches) {
	l := &live{Switches: s}
	for f, n := range s.Next {
		l.next[f].Store(int64(n))
	}
	t.live.Store(l)
}

// Switches returns the settings in force; Next holds what is still to come.
func (t *Tenant) Switches() Switches {
	l := t.live.Load()
	s := l.Switches
	for f := range l.next {
		s.Next[f] = int(l.next[f].Load())
	}
	return s
}

// ownHost says whether a Host header names this machine.
func (t *Tenant) ownHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") || slices.Contains(t.opt.Hosts, host) {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// RemoveGoal removes a goal, as a person in the tenant would: the API cannot.
func (t *Tenant) RemoveGoal(gsid string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.goals.get(gsid) == nil {
		return fmt.Errorf("emulator: no goal %q", gsid)
	}
	if r := t.discard(gsid); r != nil {
		return fmt.Errorf("emulator: %s", r.text)
	}
	return nil
}
