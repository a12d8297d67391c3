/** How much is simulated whenever the tests run. */
export const seedsOfCi = 170;
export const stepsOfSeed = 500;
export const seedsOfNight = 20_000;
