package host

// CutLifelines has the effect of this process's death.
func CutLifelines() {
	for _, f := range lifelines {
		f.Close()
	}
	lifelines = nil
}
