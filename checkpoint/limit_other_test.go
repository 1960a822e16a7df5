//go:build !unix

package checkpoint

import "errors"

func limitFiles(uint64) error { return errors.New("this system cannot limit files") }
