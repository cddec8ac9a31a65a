// In the place of the package debug: nobody reads it here.
module.exports = () => Object.assign(() => {}, { enabled: false });
module.exports.default = module.exports;
