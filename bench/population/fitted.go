package population

// The parameters are sought by the test that holds them to their data (go test ./bench/population -run TestModelsFitTheirData
// -v -refit, with the embeddings in ZHENNI_DATA). Scores of the data are all mated pairs and a tenth of the others, those of
// the model probes with their own references and with those of others, in four populations. The error is the root mean square of
// the differences at the quantiles, in standard deviations of the data. At another dimension than the data's the mated scores
// are the same, and the spread of the others is that of more or fewer elements.

// Voices is fitted to vox1-ecapa192: 4,874 recordings of 40 speakers, ECAPA-TDNN, 192 elements. Errors: mated 0.009, non-mated
// 0.066.
//
//	quantile          0.001    0.01    0.05     0.5    0.95    0.99   0.999  0.9999
//	mated      data   0.075   0.277   0.375   0.604   0.798   0.860
//	          model   0.075   0.276   0.376   0.606   0.798   0.860
//	non-mated  data  -0.230  -0.167  -0.112   0.017   0.179   0.274   0.378   0.454
//	          model  -0.224  -0.167  -0.115   0.015   0.175   0.276   0.369   0.441
func Voices() *Likeness {
	return &Likeness{
		Mated: [4]float64{0.6051, 0.1313, -0.0057, -0.0017}, Person: 0.1733, Poor: 0.003, PoorMean: 0.132, PoorSpread: 0.114,
		Typical: [3]float64{0.0645, 0.1117, 0.039}, Decay: 220, Groups: 20, Group: 0.333,
	}
}

// Faces is fitted to lfw-dlib128 without its known bad images: 3,193 pictures of 1,455 people, dlib's ResNet, 128 elements.
// Errors: mated 0.059, non-mated 0.069. Its poor captures are the share of the data whose mated scores lie among the others.
//
//	quantile          0.001    0.01    0.05     0.5    0.95    0.99   0.999  0.9999
//	mated      data   0.789   0.836   0.928   0.958   0.975   0.980
//	          model   0.787   0.837   0.929   0.957   0.975   0.981
//	non-mated  data   0.718   0.746   0.772   0.834   0.888   0.906   0.923   0.936
//	          model   0.713   0.746   0.773   0.834   0.884   0.902   0.922   0.937
func Faces() *Likeness {
	return &Likeness{
		Mated: [4]float64{0.957, 0.0129, -0.0011, 0}, Person: 0.0749, Poor: 0.0195, PoorMean: 0.8374, PoorSpread: 0.0297,
		Typical: [3]float64{0.913, 0.0222, -0.0008}, Decay: 68.8,
	}
}
