export default { name: 'a b', start() {}, load() {} };
