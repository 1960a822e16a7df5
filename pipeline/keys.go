package pipeline

import "sync"

// keys lets one create of a natural key be under way at a time, and none while
// one is in doubt: a second goal of that key could not be told from the first.
type keys struct {
	mu       sync.Mutex
	left     sync.Cond // a key was left
	busy     map[[16]byte]bool
	doubtful map[[16]byte]bool
}

func newKeys() *keys {
	k := &keys{busy: map[[16]byte]bool{}, doubtful: map[[16]byte]bool{}}
	k.left.L = &k.mu
	return k
}

// enter waits until no row of the key is under way. It is false where one is
// in doubt; otherwise the caller must leave.
func (k *keys) enter(key [16]byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.busy[key] {
		k.left.Wait()
	}
	if k.doubtful[key] {
		return false
	}
	k.busy[key] = true
	return true
}

func (k *keys) leave(key [16]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, key)
	k.left.Broadcast()
}

// doubt closes the key until its row is settled.
func (k *keys) doubt(key [16]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.doubtful[key] = true
}

// settled opens the key again: the row that was in doubt is decided.
func (k *keys) settled(key [16]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.doubtful, key)
}
