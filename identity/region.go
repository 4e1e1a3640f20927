package identity

// provinces are the units of GB/T 2260 (codes for the administrative divisions of the People's Republic of China) at the
// level of the province, by the first two digits of their code. 83 is not of that standard: since 2018 it begins the
// numbers of residence permits for people of Taiwan, as 81 and 82 do for people of Hong Kong and Macao.
var provinces = [100]string{
	11: "Beijing", 12: "Tianjin", 13: "Hebei", 14: "Shanxi", 15: "Inner Mongolia",
	21: "Liaoning", 22: "Jilin", 23: "Heilongjiang",
	31: "Shanghai", 32: "Jiangsu", 33: "Zhejiang", 34: "Anhui", 35: "Fujian", 36: "Jiangxi", 37: "Shandong",
	41: "Henan", 42: "Hubei", 43: "Hunan", 44: "Guangdong", 45: "Guangxi", 46: "Hainan",
	50: "Chongqing", 51: "Sichuan", 52: "Guizhou", 53: "Yunnan", 54: "Tibet",
	61: "Shaanxi", 62: "Gansu", 63: "Qinghai", 64: "Ningxia", 65: "Xinjiang",
	71: "Taiwan", 81: "Hong Kong", 82: "Macao", 83: "Taiwan (residence permit)",
}
