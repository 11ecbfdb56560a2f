"""What providers bill: lines of cost reports and of FOCUS files, which our sums are held against."""
